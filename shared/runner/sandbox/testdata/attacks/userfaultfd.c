// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_userfaultfd,1))<0?"ok":"LEAK");}
