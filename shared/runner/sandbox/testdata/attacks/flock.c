// want: AC
#include "attack.h"
#include <sys/file.h>
int main(void){puts((flock(0,1))<0?"ok":"LEAK");}
