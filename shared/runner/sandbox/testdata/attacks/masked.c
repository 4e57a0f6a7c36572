// want: AC
#include "attack.h"
int main(void){char b[99];int f=open("/proc/key-users",O_RDONLY);puts(f>=0&&read(f,b,99)>0?"LEAK":"ok");}
