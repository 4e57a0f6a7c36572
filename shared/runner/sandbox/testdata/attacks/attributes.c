// want: AC; cases: 2
#include "attack.h"
#include <sys/xattr.h>
int main(void){char*p[]={"/w","/tmp","/dev/shm","/proc/self/exe",0},b[9];
for(char**x=p;*x;x++){if(getxattr(*x,"user.left",b,9)>0){puts("LEAK");return 0;}setxattr(*x,"user.left","left",4,0);lsetxattr(*x,"user.left","left",4,0);}
puts(fsetxattr(-1,"user.left","left",4,0)<0&&errno==EOPNOTSUPP?"ok":"LEAK");}
