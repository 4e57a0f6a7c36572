// want: AC
#include "attack.h"
int main(int argc,char**argv){int n=0;while(dup(0)>=0)n++;puts(n>100&&n<100000?"ok":"no");}
