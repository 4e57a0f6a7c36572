// want: MLE
#include "attack.h"
int main(int argc,char**argv){for(;;){char*p=malloc(1<<20);if(!p)return 3;memset(p,1,1<<20);}}
