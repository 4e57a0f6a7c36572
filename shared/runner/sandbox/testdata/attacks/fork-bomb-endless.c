// want: RE|TLE|MLE
#include "attack.h"
int main(int argc,char**argv){for(;;)fork();}
