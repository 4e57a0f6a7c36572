// want: AC; memory: 131072
#include "attack.h"
int main(void){struct rlimit l;getrlimit(RLIMIT_STACK,&l);puts(l.rlim_cur==128<<20&&l.rlim_max==128<<20?"ok":"no");}
