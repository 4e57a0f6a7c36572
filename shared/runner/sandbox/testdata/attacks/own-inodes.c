// want: AC; cases: 2
#include "attack.h"
// Of what is there for all cases: where the sandbox has one user only, that is a program's own.
int main(void){char*p[]={"/w","/tmp","/dev/shm","/proc/self/exe",0};struct timespec t[2]={{7,7},{7,7}};struct stat s;
for(char**x=p;*x;x++){if(stat(*x,&s)||s.st_atime==7||s.st_mtime==7||!(s.st_mode&0111)){printf("LEAK %s\n",*x);return 0;}utimensat(AT_FDCWD,*x,t,0);chmod(*x,0);}puts("ok");}
