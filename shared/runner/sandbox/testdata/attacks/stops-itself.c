// want: TLE; long: yes
#include "attack.h"
int main(int argc,char**argv){raise(SIGSTOP);puts("ok");}
