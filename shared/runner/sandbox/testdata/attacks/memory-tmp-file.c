// want: MLE|RE|OLE
#include "attack.h"
int main(int argc,char**argv){int f=open("/tmp/x",O_CREAT|O_RDWR,0600);if(f<0)return 9;unlink("/tmp/x");static char b[1<<20];for(int i=0;i<500;i++)if(write(f,b,sizeof b)<0)return 7;puts("ok");}
