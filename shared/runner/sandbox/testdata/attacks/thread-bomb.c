// want: RE|TLE|MLE
#include "attack.h"
void*f(void*x){pause();}
int main(int argc,char**argv){pthread_t t;for(int i=0;i<500;i++)pthread_create(&t,0,f,0);puts("no");sleep(3);}
