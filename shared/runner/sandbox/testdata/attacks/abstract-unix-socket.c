// want: AC
#include "attack.h"
int main(int argc,char**argv){int s=socket(AF_UNIX,SOCK_STREAM,0);struct sockaddr a={AF_UNIX,"\0rl-attack"};puts(connect(s,&a,2+10)?"ok":"LEAK connected");}
