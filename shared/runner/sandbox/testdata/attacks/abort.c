// want: RE; exit: 134
#include "attack.h"
int main(void){abort();}
