// want: RE; exit: 141
#include "attack.h"
int main(int argc,char**argv){int p[2];pipe(p);close(p[0]);write(p[1],"x",1);puts("ok");}
