/* The right idea, but the products do not fit into 32 bits. */
#include <stdio.h>

static void multiply(unsigned a[4], const unsigned b[4], unsigned m) {
    unsigned c[4] = {
        (a[0] * b[0] + a[1] * b[2]) % m, (a[0] * b[1] + a[1] * b[3]) % m,
        (a[2] * b[0] + a[3] * b[2]) % m, (a[2] * b[1] + a[3] * b[3]) % m,
    };
    for (int i = 0; i < 4; i++) a[i] = c[i];
}

int main(void) {
    int queries;
    scanf("%d", &queries);
    while (queries-- > 0) {
        unsigned long long n;
        unsigned m;
        scanf("%llu %u", &n, &m);
        unsigned power[4] = {1 % m, 0, 0, 1 % m}, base[4] = {1, 1, 1, 0};
        for (; n > 0; n /= 2) {
            unsigned square[4] = {base[0], base[1], base[2], base[3]};
            if (n % 2 == 1) multiply(power, base, m);
            multiply(base, square, m);
        }
        printf("%u\n", power[0]);
    }
    return 0;
}
