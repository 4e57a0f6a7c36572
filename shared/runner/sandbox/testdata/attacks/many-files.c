// want: WA|RE|MLE|TLE; output: none; long: yes
#include "attack.h"
int main(int argc,char**argv){char n[64];int i;for(i=0;i<100000;i++){sprintf(n,"f%d",i);int f=open(n,O_CREAT|O_WRONLY,0600);if(f<0)break;close(f);}printf("%d\n",i);}
