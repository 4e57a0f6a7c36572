// want: AC; time: 3000
#include <cstdio>
#include <thread>
#include <unistd.h>
#include <vector>
int main(){std::vector<std::thread> t;for(int i=0;i<60;i++)t.emplace_back([]{usleep(100000);});for(auto&x:t)x.join();puts("ok");}
