// want: AC
#include "attack.h"
int main(void){struct rlimit r;puts(getrlimit(RLIMIT_NOFILE,&r)?"no":prlimit(getpid(),RLIMIT_NOFILE,0,&r)?"ok":"LEAK");}
