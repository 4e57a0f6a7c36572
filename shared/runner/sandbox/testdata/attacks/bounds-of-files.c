// want: AC; memory: 1048576; time: 8000
#include "attack.h"
int main(void){char*d[]={"/w","/tmp","/dev/shm",0},n[64];for(char**x=d;*x;x++){int i,k=0;
for(i=0;i<6000;i++){sprintf(n,"%s/f%d",*x,i);int f=open(n,O_CREAT|O_WRONLY,0600);if(f<0)break;close(f);}if(i==6000){puts("LEAK files");return 0;}
for(i=0;i<6000;i++){sprintf(n,"%s/f%d",*x,i);unlink(n);}
static char b[1<<20];for(i=0;i<10;i++){sprintf(n,"%s/g%d",*x,i);int f=open(n,O_CREAT|O_WRONLY,0600);for(int j=0;j<30;j++)if(write(f,b,sizeof b)==sizeof b)k++;close(f);}if(k>290){puts("LEAK bytes");return 0;}}puts("ok");}
