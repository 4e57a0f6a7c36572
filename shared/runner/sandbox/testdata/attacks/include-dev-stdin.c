// want: CE|AC|WA
#include "/dev/stdin"
int main(){}