// want: RE; exit: 137
#include "attack.h"
int main(void){if(!syscall(SYS_clone,SIGKILL,0,0,0,0))_exit(0);pause();}
