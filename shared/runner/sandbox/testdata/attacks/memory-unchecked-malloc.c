// want: MLE
#include "attack.h"
int main(int argc,char**argv){for(;;){char*p=malloc(50<<20);memset(p,1,50<<20);}}
