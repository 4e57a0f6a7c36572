// want: AC
#include "attack.h"
int main(void){FILE*f=fopen("/dev/stdout","w");if(!f)return 3;fputs("ok\n",f);return fclose(f);}
