// want: AC
#include "attack.h"
// A program that runs cannot be written to; so another one has to run.
int main(void){char c[200];int f=open("/proc/self/exe",O_RDONLY);sprintf(c,"if printf x >/proc/self/fd/%d; then echo LEAK; else echo ok; fi 2>/dev/null",f);execl("/bin/sh","sh","-c",c,(char*)0);}
