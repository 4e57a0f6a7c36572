// want: AC
#include "attack.h"
static volatile char a[62<<20];
int main(void){for(size_t i=0;i<sizeof a;i+=4096)a[i]=1;puts("ok");}
