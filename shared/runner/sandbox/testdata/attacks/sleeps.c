// want: TLE; long: yes
#include "attack.h"
int main(int argc,char**argv){sleep(60);}
