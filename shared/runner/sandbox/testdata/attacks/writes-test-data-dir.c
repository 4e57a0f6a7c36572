// want: AC|RE; input: x
#include "attack.h"
int main(int argc,char**argv){char p[4096];ssize_t n=readlink("/proc/self/fd/0",p,4000);if(n<4)return 5;p[n]=0;int f=open(p,O_WRONLY|O_APPEND);if(f>=0){puts("LEAK");return 0;}strcpy(p+n-3,".out");f=open(p,O_WRONLY);puts(f<0?"ok":"LEAK");}
