// want: AC
#include "attack.h"
int main(void){puts(prctl(PR_GET_THP_DISABLE,0,0,0,0)==1?"ok":"LEAK");}
