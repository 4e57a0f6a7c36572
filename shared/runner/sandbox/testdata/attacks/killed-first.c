// want: AC
#include "attack.h"
int main(void){int n=0;FILE*f=fopen("/proc/self/oom_score_adj","r");if(!f||fscanf(f,"%d",&n)!=1)return 3;puts(n==1000?"ok":"LEAK");}
