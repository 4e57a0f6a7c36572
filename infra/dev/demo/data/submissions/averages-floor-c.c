#include <stdio.h>

int main(void) {
    int groups;
    scanf("%d", &groups);
    while (groups-- > 0) {
        long long size, sum = 0;
        scanf("%lld", &size);
        for (long long i = 0; i < size; i++) {
            long long x;
            scanf("%lld", &x);
            sum += x;
        }
        if (size == 0) {
            puts("none");
            continue;
        }
        long long average = sum / size;
        if (sum % size < 0) average--;
        printf("%lld\n", average);
    }
    /* Blank lines at the end do not count. */
    printf("\n\n");
    return 0;
}
