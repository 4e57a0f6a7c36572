// want: AC
#include "attack.h"
int main(void){puts(unshare(CLONE_NEWUSER)?"ok":"LEAK");}
