// want: RE; exit: 137
#include "attack.h"
int main(int argc,char**argv){raise(SIGKILL);}
