// want: AC
#include "attack.h"
// Of EC2: whoever reaches it is the machine's role. There is no way to it, not even a refusal.
int main(int argc,char**argv){struct sockaddr_in a={AF_INET,htons(80),{htonl(0xA9FEA9FE)}};int u=socket(AF_INET,SOCK_DGRAM,0),t=socket(AF_INET,SOCK_STREAM,0);int sent=sendto(u,"x",1,0,(void*)&a,sizeof a)==1;int there=connect(t,(void*)&a,sizeof a)==0||errno!=ENETUNREACH;puts(sent||there?"LEAK reached":"ok");}
