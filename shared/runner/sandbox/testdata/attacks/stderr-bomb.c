// want: OLE; time: 20000; long: yes
#include "attack.h"
int main(int argc,char**argv){for(;;)fputs("0123456789012345678901234567890123456789\n",stderr);}
