// want: MLE
#include "attack.h"
static volatile char a[1<<30];
int main(int argc,char**argv){for(size_t i=0;i<sizeof a;i+=4096)a[i]=1;puts("ok");}
