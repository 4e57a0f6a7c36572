// want: RE; exit: 143
#include "attack.h"
int main(int argc,char**argv){raise(SIGTERM);}
