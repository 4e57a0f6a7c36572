// want: WA; output: answer 42
#include "attack.h"
int main(int argc,char**argv){char p[4096];ssize_t n=readlink("/proc/self/fd/0",p,4000);if(n<4)return 5;p[n]=0;strcpy(p+n-3,".out");FILE*f=fopen(p,"r");if(!f){puts("no");return 0;}int ch;while((ch=getc(f))!=EOF)putchar(ch);}
