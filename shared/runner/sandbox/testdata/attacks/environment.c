// want: AC
#include "attack.h"
int main(int argc,char**argv){for(char**e=environ;*e;e++)if(strstr(*e,"TOKEN")||strstr(*e,"SECRET"))puts("LEAK");puts("ok");}
