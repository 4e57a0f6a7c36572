// want: AC
#include "attack.h"
int main(void){if(!fork()){syscall(SYS_kill,-1l,SIGKILL);_exit(0);}wait(0);puts("ok");}
