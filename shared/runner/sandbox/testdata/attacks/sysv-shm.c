// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_shmget,0x77,4096,0666|01000))<0?"ok":"LEAK");}
