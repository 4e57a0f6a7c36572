// want: AC; memory: 262144; time: 3000
#include "attack.h"
int main(void){char*p=malloc(150<<20);memset(p,1,150<<20);if(fork()==0){usleep(500000);_exit(p[7]-1);}wait(0);puts("ok");}
