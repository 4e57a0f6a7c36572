// want: AC
#include "attack.h"
static int a[32]={2,4,8,4};
int main(void){puts((syscall(SYS_bpf,0,a,48))<0&&errno==ENOSYS?"ok":"LEAK");}
