// want: AC
#include "attack.h"

int main(void){puts(((int)syscall(SYS_personality,0x0040000))<0?"ok":"LEAK");}
