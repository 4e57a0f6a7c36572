// want: WA
#include "attack.h"
int main(int argc,char**argv){static char b[1<<20];memset(b,97,sizeof b);b[sizeof b-1]=10;for(int i=0;i<15;i++)fwrite(b,1,sizeof b,stdout);}
