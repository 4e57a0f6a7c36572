/* Right answers, but it returns the number of groups instead of 0. */
#include <stdio.h>

int main(void) {
    int groups;
    scanf("%d", &groups);
    for (int g = 0; g < groups; g++) {
        long long size, sum = 0;
        scanf("%lld", &size);
        for (long long i = 0; i < size; i++) {
            long long x;
            scanf("%lld", &x);
            sum += x;
        }
        if (size == 0)
            puts("none");
        else
            printf("%lld\n", sum / size - (sum % size < 0));
    }
    return groups;
}
