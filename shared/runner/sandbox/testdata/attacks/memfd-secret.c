// want: AC
#include "attack.h"

int main(void){puts((syscall(447,0))<0?"ok":"LEAK");}
