// want: AC; seconds: 30
#include "attack.h"
// Two sockets hold each other and standard output, when nobody has them any more.
int main(void){int s[2];socketpair(AF_UNIX,SOCK_DGRAM,0,s);for(int i=0;i<2;i++){int f[]={s[0],s[1],1,2};char c[CMSG_SPACE(sizeof f)]={0};struct iovec v={"x",1};struct msghdr m={0,0,&v,1,c,sizeof c,0};struct cmsghdr*h=CMSG_FIRSTHDR(&m);h->cmsg_level=SOL_SOCKET;h->cmsg_type=SCM_RIGHTS;h->cmsg_len=CMSG_LEN(sizeof f);memcpy(CMSG_DATA(h),f,sizeof f);if(sendmsg(s[i],&m,0)<0)return 3;}puts("ok");}
