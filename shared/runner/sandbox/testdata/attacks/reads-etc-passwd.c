// want: AC
#include "attack.h"
int main(int argc,char**argv){FILE*f=fopen("/etc/passwd","r");char b[200];if(f&&fgets(b,200,f))printf("LEAK %s",b);else puts("ok");}
