// want: TLE
#include "attack.h"
int main(int argc,char**argv){for(volatile int i=0;;i++);}
