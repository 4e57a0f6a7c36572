// want: AC; cases: 2
#include "attack.h"
int main(int argc,char**argv){int n=0;char p[64],*d[]={".","/tmp","/dev/shm","/var/tmp",0};for(char**x=d;*x;x++){sprintf(p,"%s/left",*x);if(!access(p,F_OK))n++;close(open(p,O_CREAT|O_WRONLY,0666));}printf(n?"LEAK %d\n":"ok\n",n);}
