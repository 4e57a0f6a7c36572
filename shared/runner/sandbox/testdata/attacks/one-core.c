// want: AC
#include "attack.h"
int main(void){cpu_set_t s;sched_getaffinity(0,sizeof s,&s);if(CPU_COUNT(&s)!=1){puts("LEAK");return 0;}CPU_ZERO(&s);for(int i=0;i<8;i++)CPU_SET(i,&s);puts(sched_setaffinity(0,sizeof s,&s)?"ok":"LEAK");}
