// want: CE
#include "attack.h"
// Its loader has a name without an end, so the kernel does not start it.
__asm__(".section .interp,\"a\"\n.ascii \"x\"\n.text");
int main(void){puts("ok");}
