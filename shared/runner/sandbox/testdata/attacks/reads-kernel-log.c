// want: AC
#include "attack.h"
int main(int argc,char**argv){char b[100];puts(syscall(SYS_syslog,3,b,100)<0?"ok":"LEAK");}
