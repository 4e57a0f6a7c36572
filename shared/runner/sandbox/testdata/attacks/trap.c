// want: RE; exit: 132
#include "attack.h"
int main(int argc,char**argv){__builtin_trap();}
