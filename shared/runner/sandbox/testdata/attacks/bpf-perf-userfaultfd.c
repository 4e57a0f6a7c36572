// want: AC
#include "attack.h"
int main(int argc,char**argv){char a[128]={0};*(int*)a=1;*(int*)(a+4)=112;*(long*)(a+8)=1;a[40]=0x20;int x=syscall(SYS_bpf,0,a,16)>=0,y=syscall(SYS_perf_event_open,a,0,-1,-1,0)>=0,z=syscall(SYS_userfaultfd,1)>=0;printf(x||y||z?"LEAK %d %d %d\n":"ok\n",x,y,z);}
