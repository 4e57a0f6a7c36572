// want: TLE; long: yes
#include "attack.h"
void*f(void*x){for(volatile int i=0;;i++);}
int main(int argc,char**argv){pthread_t t;for(int i=0;i<8;i++)pthread_create(&t,0,f,0);f(0);}
