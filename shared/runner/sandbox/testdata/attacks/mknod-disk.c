// want: AC
#include "attack.h"
int main(int argc,char**argv){puts(mknod("disk",S_IFBLK|0600,254<<8)?"ok":"LEAK");}
