// want: AC
#include "attack.h"
int main(int argc,char**argv){int a=socket(16,SOCK_RAW,0),b=socket(17,SOCK_RAW,0),d=socket(38,SOCK_SEQPACKET,0);printf(a<0&&b<0&&d<0?"ok\n":"LEAK %d %d %d\n",a,b,d);}
