// want: AC
#include "attack.h"
#include <sys/statvfs.h>
int main(void){char*p[]={"/","/usr","/proc","/src",0};struct statvfs v;for(char**x=p;*x;x++)if(statvfs(*x,&v)||!(v.f_flag&ST_RDONLY)||!(v.f_flag&ST_NOSUID)){printf("LEAK %s\n",*x);return 0;}puts("ok");}
