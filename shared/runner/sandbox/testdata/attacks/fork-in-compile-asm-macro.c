// want: CE; long: yes
__asm__(".rept 1000000000\nnop\n.endr");int main(){}