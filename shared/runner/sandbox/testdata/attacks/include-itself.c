// want: CE; long: yes
#include "main.c"
#include "main.c"
int main(){}