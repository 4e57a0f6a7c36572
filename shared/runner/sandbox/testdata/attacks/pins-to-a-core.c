// want: AC
#include "attack.h"
int main(int argc,char**argv){cpu_set_t s;CPU_ZERO(&s);CPU_SET(0,&s);sched_setaffinity(0,sizeof s,&s);puts("ok");}
