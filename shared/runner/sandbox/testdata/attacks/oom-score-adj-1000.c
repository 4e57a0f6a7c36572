// want: AC
#include "attack.h"
int main(int argc,char**argv){int f=open("/proc/self/oom_score_adj",O_WRONLY);puts(f>=0&&write(f,"-1000",5)==5?"LEAK":"ok");}
