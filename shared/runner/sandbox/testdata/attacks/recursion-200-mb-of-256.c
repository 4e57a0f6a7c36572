// want: AC; memory: 262144
#include "attack.h"
int f(volatile int n){volatile char b[16];b[0]=n;return n?f(n-1)+1:0;}
int main(int argc,char**argv){printf("%s\n",f(2800000)==2800000?"ok":"no");}
