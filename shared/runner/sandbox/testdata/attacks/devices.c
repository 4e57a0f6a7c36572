// want: AC
#include "attack.h"
#include <dirent.h>
int main(void){const char*ours="null zero full random urandom shm fd stdin stdout stderr";int leaks=0;struct dirent*e;DIR*d=opendir("/dev");
while((e=readdir(d)))if(e->d_name[0]!='.'&&!strstr(ours,e->d_name)){printf("LEAK %s\n",e->d_name);leaks++;}
if(!leaks)puts("ok");}
