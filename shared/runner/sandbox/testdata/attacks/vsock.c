// want: AC
#include "attack.h"

int main(void){puts((socket(40,SOCK_STREAM,0))<0?"ok":"LEAK");}
