/* Looks along one of the two diagonals only. */
#include <stdio.h>

static int n, blocked[16][16], column_of[16];

static long place(int row) {
    if (row == n) return 1;
    long ways = 0;
    for (int column = 0; column < n; column++) {
        int free = !blocked[row][column];
        for (int above = 0; above < row && free; above++)
            if (column_of[above] == column || column_of[above] - above == column - row) free = 0;
        if (!free) continue;
        column_of[row] = column;
        ways += place(row + 1);
    }
    return ways;
}

int main(void) {
    int count;
    scanf("%d %d", &n, &count);
    while (count-- > 0) {
        int row, column;
        scanf("%d %d", &row, &column);
        blocked[row][column] = 1;
    }
    printf("%ld\n", place(0));
    return 0;
}
