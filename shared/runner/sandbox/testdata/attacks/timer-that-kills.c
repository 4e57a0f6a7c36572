// want: RE; exit: 137
#include "attack.h"
int main(void){struct sigevent e={0};timer_t t;struct itimerspec soon={{0,0},{0,1000000}};e.sigev_notify=SIGEV_SIGNAL;e.sigev_signo=SIGKILL;timer_create(CLOCK_MONOTONIC,&e,&t);timer_settime(t,0,&soon,0);pause();}
