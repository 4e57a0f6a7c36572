// want: AC
#include "attack.h"

int main(void){puts((socket(16,SOCK_RAW,0))<0?"ok":"LEAK");}
