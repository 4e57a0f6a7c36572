// want: AC
#include "attack.h"
int main(int argc,char**argv){struct rlimit r={RLIM_INFINITY,RLIM_INFINITY};int n=0;n+=!setrlimit(RLIMIT_FSIZE,&r);n+=!setrlimit(RLIMIT_NOFILE,&(struct rlimit){1<<19,1<<19});printf(n?"LEAK %d\n":"ok\n",n);}
