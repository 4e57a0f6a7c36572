// want: AC
#include "attack.h"
static struct{unsigned n;int t;char b[128];} h={128};static int m;
int main(void){puts((syscall(SYS_name_to_handle_at,AT_FDCWD,"/w",&h,&m,0))<0?"ok":"LEAK");}
