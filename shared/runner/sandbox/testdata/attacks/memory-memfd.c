// want: MLE|RE|OLE
#include "attack.h"
int main(int argc,char**argv){int f=memfd_create("x",0);static char b[1<<20];for(int i=0;i<500;i++)if(write(f,b,sizeof b)<0)return 7;puts("ok");}
