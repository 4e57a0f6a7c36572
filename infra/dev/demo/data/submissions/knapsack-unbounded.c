/* Walks the table by value upwards, so that a thing can be taken again and again. */
#include <stdio.h>

static long long least[10001];

int main(void) {
    int n, total = 0;
    long long capacity;
    scanf("%d %lld", &n, &capacity);
    for (int v = 1; v <= 10000; v++) least[v] = capacity + 1;
    for (int i = 0; i < n; i++) {
        long long weight;
        int value;
        scanf("%lld %d", &weight, &value);
        total += value;
        for (int v = value; v <= total; v++)
            if (least[v - value] + weight < least[v]) least[v] = least[v - value] + weight;
    }
    while (least[total] > capacity) total--;
    printf("%d\n", total);
    return 0;
}
