// want: RE; exit: 255
#include "attack.h"
int main(int argc,char**argv){exit(255);}
