/* least[v] is the least weight that is worth v: the table does not grow with the capacity. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    int n;
    long long capacity;
    scanf("%d %lld", &n, &capacity);
    int total = 0;
    long long *least = malloc(sizeof *least);
    least[0] = 0;
    for (int i = 0; i < n; i++) {
        long long weight;
        int value;
        scanf("%lld %d", &weight, &value);
        least = realloc(least, (total + value + 1) * sizeof *least);
        for (int v = total + 1; v <= total + value; v++) least[v] = capacity + 1;
        total += value;
        for (int v = total; v >= value; v--)
            if (least[v - value] + weight < least[v]) least[v] = least[v - value] + weight;
    }
    while (least[total] > capacity) total--;
    printf("%d\n", total);
    free(least);
    return 0;
}
