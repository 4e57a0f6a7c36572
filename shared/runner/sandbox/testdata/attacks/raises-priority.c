// want: AC
#include "attack.h"
int main(int argc,char**argv){errno=0;nice(-10);puts(errno?"ok":"LEAK");}
