// want: CE; leak: root:
#include "/etc/shadow"
int main(){}