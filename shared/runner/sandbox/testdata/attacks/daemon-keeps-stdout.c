// want: AC
#include "attack.h"
int main(int argc,char**argv){if(!fork()){setsid();prctl(PR_SET_NAME,"survivor");sleep(40);_exit(0);}puts("ok");}
