// want: CE; long: yes
#include </dev/random>
int main(){}