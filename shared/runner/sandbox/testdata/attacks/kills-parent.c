// want: AC|RE
#include "attack.h"
int main(int argc,char**argv){kill(getppid(),SIGKILL);usleep(100000);puts("ok");}
