// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_fanotify_init,0x200,0))<0?"ok":"LEAK");}
