/* One addition per step: fine for thousands, hopeless for 10^18. */
#include <stdio.h>

int main(void) {
    int queries;
    scanf("%d", &queries);
    while (queries-- > 0) {
        unsigned long long n, m;
        scanf("%llu %llu", &n, &m);
        unsigned long long before = 0, here = 1 % m;
        for (unsigned long long i = 0; i < n; i++) {
            unsigned long long next = (before + here) % m;
            before = here;
            here = next;
        }
        printf("%llu\n", here);
    }
    return 0;
}
