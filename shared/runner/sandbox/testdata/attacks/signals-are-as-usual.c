// want: AC
#include "attack.h"
int main(void){int bad=0;struct sigaction a;for(int i=1;i<32;i++)if(i!=SIGKILL&&i!=SIGSTOP&&(sigaction(i,0,&a)||a.sa_handler!=SIG_DFL))bad=i;if(bad)printf("signal %d\n",bad);else puts("ok");}
