// want: AC
#include "attack.h"
static int a[64]={1,128};static void __attribute__((constructor)) set(void){((long*)a)[1]=1;((long*)a)[5]=0x60;}
int main(void){puts((syscall(SYS_perf_event_open,a,0,-1,-1,0))<0?"ok":"LEAK");}
