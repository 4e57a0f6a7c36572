// want: AC
#include "attack.h"
int main(void){puts(fcntl(0,F_SETSIG,SIGSEGV)?"ok":"LEAK");}
