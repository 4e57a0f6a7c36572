// want: AC; input: data
#include "attack.h"
int main(void){char b[9]={0};FILE*f=fopen("/dev/stdin","r");if(!f||!fgets(b,9,f))return 3;puts(strcmp(b,"data\n")?"no":"ok");}
