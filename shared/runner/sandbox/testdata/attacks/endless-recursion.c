// want: RE|MLE
#include "attack.h"
int f(volatile int n){volatile char b[256];b[0]=n;return f(n+1)+b[0];}
int main(int argc,char**argv){return f(1);}
