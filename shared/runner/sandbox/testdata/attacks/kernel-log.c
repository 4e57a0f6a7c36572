// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_syslog,10,0,0))<0&&errno==ENOSYS?"ok":"LEAK");}
