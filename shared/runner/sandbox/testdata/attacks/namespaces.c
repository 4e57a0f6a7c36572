// want: AC; input: @NAMESPACES@
#include "attack.h"
int main(void){char kind[20],host[60],path[60],own[60]={0};int leaks=0;
while(scanf("%19s %59s",kind,host)==2){sprintf(path,"/proc/self/ns/%s",kind);memset(own,0,60);readlink(path,own,59);if(!strcmp(own,host)){printf("LEAK %s\n",kind);leaks++;}}
if(!leaks)puts("ok");}
