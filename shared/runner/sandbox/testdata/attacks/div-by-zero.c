// want: RE; exit: 136
#include "attack.h"
int main(int argc,char**argv){volatile int a=0,b=7;return b/a;}
