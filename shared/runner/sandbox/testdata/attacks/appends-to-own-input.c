// want: AC; input: data
#include "attack.h"
int main(int argc,char**argv){char p[4096];int f=open("/proc/self/fd/0",O_RDWR);if(f<0){fchmod(0,0666);f=open("/proc/self/fd/0",O_RDWR);}puts(f<0||write(f,"x",1)<0?"ok":"LEAK writable input");}
