#include <stdio.h>

int main(void) {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    for (int d = 1; d < n; d++)
        if (n % d == 0) printf("%d\n", d);
    return 0;
}
