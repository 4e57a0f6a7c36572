// want: AC
#include "attack.h"
int main(int argc,char**argv){void*p=mmap(0,64ul<<30,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE,-1,0);puts(p==MAP_FAILED?"refused":"ok");}
