// Takes every odd number for a prime.
#include <stdio.h>

int main(void) {
    int n;
    scanf("%d", &n);
    printf("%d %d\n", n / 2 - 1 + n / 2 % 2, n / 2 + 1 - n / 2 % 2);
}
