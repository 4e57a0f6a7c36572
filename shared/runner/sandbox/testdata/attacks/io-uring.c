// want: AC
#include "attack.h"
static char p[256];
int main(void){puts((syscall(425,4,p))<0?"ok":"LEAK");}
