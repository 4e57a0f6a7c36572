// want: AC; cases: 2
#include "attack.h"
#include <sys/shm.h>
int main(int argc,char**argv){int id=shmget(0x1234,4096,IPC_CREAT|0666);if(id<0){puts("ok");return 0;}char*p=shmat(id,0,0);if(p==(void*)-1){puts("ok");return 0;}puts(strcmp(p,"left")?"ok":"LEAK");strcpy(p,"left");}
