// want: RE; exit: 1
#include "attack.h"
int main(int argc,char**argv){return 1;}
