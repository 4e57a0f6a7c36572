// want: AC
#include "attack.h"
int main(int argc,char**argv){puts("ok");}
