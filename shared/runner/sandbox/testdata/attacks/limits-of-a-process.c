// want: AC
#include "attack.h"
int main(void){int r[]={RLIMIT_CPU,RLIMIT_FSIZE,RLIMIT_NOFILE,RLIMIT_CORE};long most[]={100,(64<<20)+1,1024,1};struct rlimit l;
for(int i=0;i<4;i++){getrlimit(r[i],&l);if(l.rlim_max>most[i]){printf("LEAK %d\n",r[i]);return 0;}}puts(l.rlim_cur==1?"ok":"LEAK cores go to the machine");}
