/* Divides by everything up to the root: 10^5 numbers times 10^6 divisors. */
#include <stdio.h>

static int is_prime(long long n) {
    if (n < 2) return 0;
    for (long long d = 2; d * d <= n; d++)
        if (n % d == 0) return 0;
    return 1;
}

int main(void) {
    long long a, b;
    int count = 0;
    scanf("%lld %lld", &a, &b);
    for (long long n = a; n <= b; n++) count += is_prime(n);
    printf("%d\n", count);
    return 0;
}
