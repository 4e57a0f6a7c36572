// want: AC
#include "attack.h"
int main(void){int k[]={CLONE_NEWUSER,CLONE_NEWUSER|CLONE_NEWNS,CLONE_NEWUSER|CLONE_NEWPID};for(int i=0;i<3;i++){long p=syscall(SYS_clone,k[i]|SIGCHLD,0,0,0,0);if(p==0)_exit(0);if(p>0){puts("LEAK");return 0;}}puts("ok");}
