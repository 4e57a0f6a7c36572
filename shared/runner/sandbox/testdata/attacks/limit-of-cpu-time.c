// want: AC
#include "attack.h"
// At the limit the kernel sends a KILL that nobody has asked for.
int main(void){struct rlimit r,*far=mmap((void*)(1ul<<32),4096,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED,-1,0);
if(getrlimit(RLIMIT_CPU,&r)){puts("no");return 0;}r.rlim_max=r.rlim_cur;*far=r;
puts(setrlimit(RLIMIT_CPU,&r)&&syscall(SYS_setrlimit,RLIMIT_CPU,&r)&&syscall(SYS_prlimit64,0,RLIMIT_CPU,far,0)?"ok":"LEAK");}
