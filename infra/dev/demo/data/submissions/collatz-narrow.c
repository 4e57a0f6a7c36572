/* A path that climbs over 2^31 turns negative and never comes to 1. */
#include <stdint.h>
#include <stdio.h>

int main(void) {
    int32_t n;
    scanf("%d", &n);
    printf("%-60d\n", n); /* in columns */
    while (n != 1) {
        if (n % 2 == 0)
            n /= 2;
        else
            n = (int32_t)(3u * (uint32_t)n + 1u);
        printf("%-60d\n", n);
    }
    return 0;
}
