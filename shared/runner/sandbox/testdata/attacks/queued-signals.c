// want: AC
#include "attack.h"
int main(void){union sigval v={0};puts(sigqueue(getpid(),0,v)?"ok":"LEAK");}
