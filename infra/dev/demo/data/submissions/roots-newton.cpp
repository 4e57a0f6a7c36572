#include <cstdio>

int main() {
    double n, x = 1;
    if (std::scanf("%lf", &n) != 1) return 1;
    for (int i = 0; i < 200 && n > 0; i++) x = (x + n / x) / 2;
    std::printf("%.7g\n", n > 0 ? x : 0);
}
