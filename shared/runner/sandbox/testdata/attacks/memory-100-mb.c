// want: MLE
#include "attack.h"
int main(void){volatile char*p=malloc(100<<20);for(int i=0;i<100<<20;i+=4096)p[i]=1;puts(p[4096]==1?"ok":"no");}
