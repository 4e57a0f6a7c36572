// want: AC
#include "attack.h"
int main(int argc,char**argv){int s=socket(AF_INET,SOCK_DGRAM,0);struct sockaddr_in a={AF_INET,htons(5999),{htonl(INADDR_LOOPBACK)}};puts(s>=0&&sendto(s,"x",1,0,(void*)&a,sizeof a)==1?"LEAK sent":"ok");}
