// want: CE; output: SECRET_ANSWER_77
#include <stdio.h>
__asm__(".globl a\na:\n.incbin \"@TD@/0000.out\"\n.byte 0");
extern char a[];int main(){fputs(a,stdout);}