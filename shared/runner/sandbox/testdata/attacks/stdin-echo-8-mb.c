// want: AC; input: y*8388608; output: 8388609
#include "attack.h"
int main(int argc,char**argv){char b[65536];ssize_t n;long s=0;while((n=read(0,b,sizeof b))>0)s+=n;printf("%ld\n",s);}
