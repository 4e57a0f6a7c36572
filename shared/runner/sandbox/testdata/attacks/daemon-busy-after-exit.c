// want: AC|TLE; long: yes
#include "attack.h"
int main(int argc,char**argv){if(!fork()){setsid();if(!fork()){prctl(PR_SET_NAME,"survivor");for(;;);}_exit(0);}wait(0);puts("ok");}
