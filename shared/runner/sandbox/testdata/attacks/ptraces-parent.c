// want: AC
#include "attack.h"
int main(int argc,char**argv){puts(ptrace(PTRACE_ATTACH,getppid(),0,0)?"ok":"LEAK attached");}
