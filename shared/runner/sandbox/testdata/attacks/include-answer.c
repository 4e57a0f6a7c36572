// want: CE; output: SECRET_ANSWER_77; leak: SECRET_ANSWER_77
#include "@TD@/0000.out"
int main(){}