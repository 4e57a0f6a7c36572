// want: AC
#include "attack.h"
int main(int argc,char**argv){long k=syscall(SYS_add_key,"user","left","x",1,-4);if(k<0){puts("ok");return 0;}puts("LEAK key added");}
