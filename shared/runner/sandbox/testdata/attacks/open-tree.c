// want: AC
#include "attack.h"

int main(void){puts((syscall(428,AT_FDCWD,"/w",0))<0?"ok":"LEAK");}
