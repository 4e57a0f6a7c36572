// want: AC
#include "attack.h"
int main(int argc,char**argv){long p=syscall(SYS_clone,CLONE_NEWUSER|CLONE_NEWNET|SIGCHLD,0,0,0,0);if(p==0)_exit(0);puts(p<0?"ok":"LEAK");}
