/* Renamed the counter in one place only. */
#include <stdio.h>

int main(void) {
    long long a, b;
    int count = 0;
    scanf("%lld %lld", &a, &b);
    for (long long n = a; n <= b; n++) {
        int prime = n >= 2;
        for (long long d = 2; d * d <= n; d++)
            if (n % d == 0) prime = 0;
        counter += prime;
    }
    printf("%d\n", count);
    return 0;
}
