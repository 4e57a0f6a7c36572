// want: TLE
#include "attack.h"
int main(int argc,char**argv){if(!fork()){if(!fork())for(volatile int i=0;;i++);_exit(0);}wait(0);sleep(60);}
