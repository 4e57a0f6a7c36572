// want: AC
#include "attack.h"
int main(int argc,char**argv){puts(open("/dev/vda",O_RDONLY)<0?"ok":"LEAK");}
