// want: AC
#include "attack.h"
int main(int argc,char**argv){unsigned long a[11]={CLONE_NEWUSER};a[4]=SIGCHLD;long p=syscall(435,a,88);if(p==0)_exit(0);puts(p<0?"ok":"LEAK");}
