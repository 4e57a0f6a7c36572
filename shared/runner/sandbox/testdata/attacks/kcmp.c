// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_kcmp,getpid(),getpid(),0,0,0))<0?"ok":"LEAK");}
