// want: AC
#include "attack.h"
// At the limit of CPU time the kernel sends a KILL that nobody has asked for; a limit of one byte keeps cores from the machine's root.
int main(void){struct rlimit r,*far=mmap((void*)(1ul<<32),4096,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED,-1,0);int own[]={RLIMIT_CPU,RLIMIT_CORE};
for(int i=0;i<2;i++){if(getrlimit(own[i],&r)){puts("no");return 0;}r.rlim_cur=0;*far=r;
if(!setrlimit(own[i],&r)||!syscall(SYS_setrlimit,own[i],&r)||!syscall(SYS_prlimit64,0,own[i],far,0)){puts("LEAK");return 0;}}puts("ok");}
