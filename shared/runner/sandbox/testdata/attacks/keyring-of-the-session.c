// want: AC
#include "attack.h"

int main(void){puts((syscall(SYS_keyctl,0,-3,1))<0?"ok":"LEAK");}
