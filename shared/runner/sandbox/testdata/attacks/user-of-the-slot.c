// want: AC
#include "attack.h"
#include <sys/stat.h>
int main(void){struct stat s;stat("/usr",&s);puts(s.st_uid==getuid()?"LEAK: root is me":"ok");}
