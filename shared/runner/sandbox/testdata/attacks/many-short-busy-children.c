// want: TLE; long: yes
#include "attack.h"
int main(int argc,char**argv){for(;;){pid_t p=fork();if(!p){volatile int i;for(i=0;i<3000000;i++);_exit(0);}waitpid(p,0,0);}}
