// want: AC
#include "attack.h"
int main(int argc,char**argv){puts("ok");fflush(stdout);close(1);close(2);return 0;}
