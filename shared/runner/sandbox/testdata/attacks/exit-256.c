// want: AC; exit: 0
#include "attack.h"
int main(int argc,char**argv){puts("ok");exit(256);}
