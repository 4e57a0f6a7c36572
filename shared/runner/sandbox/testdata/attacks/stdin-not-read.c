// want: AC; input: x*1048576
#include "attack.h"
int main(int argc,char**argv){puts("ok");}
