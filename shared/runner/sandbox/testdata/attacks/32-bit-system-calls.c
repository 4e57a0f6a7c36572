// want: AC|RE
#include <stdio.h>
int main(){long r;__asm__ volatile("int $0x80":"=a"(r):"a"(20L):"memory");printf(r>0?"LEAK getpid by int 0x80 %ld\n":"ok\n",r);}