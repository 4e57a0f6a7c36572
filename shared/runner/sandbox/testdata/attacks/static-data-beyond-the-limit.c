// want: AC
#include "attack.h"
static volatile char a[900<<20];
int main(void){a[5]=1;puts("ok");}
