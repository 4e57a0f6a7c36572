// want: AC|RE|TLE; long: yes
#include "attack.h"
int main(int argc,char**argv){kill(getppid(),SIGSTOP);kill(-1,SIGSTOP);usleep(100000);puts("ok");}
