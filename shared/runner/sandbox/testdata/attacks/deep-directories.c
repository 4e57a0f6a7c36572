// want: WA|RE|MLE|TLE; output: none
#include "attack.h"
int main(int argc,char**argv){int i;for(i=0;i<100000;i++){if(mkdir("d",0700)||chdir("d"))break;}printf("%d\n",i);}
