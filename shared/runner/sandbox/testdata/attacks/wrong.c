// want: WA
#include "attack.h"
int main(int argc,char**argv){puts("no");}
