// want: AC
#include "attack.h"
int main(void){puts(open("/proc/1/mem",O_RDWR)<0&&open("/proc/1/environ",O_RDONLY)<0&&open("/proc/1/fd/3",O_RDWR)<0?"ok":"LEAK");}
