/* Walks every path that does not cross itself. There are very many. */
#include <stdio.h>

static int rows, columns, best = -1;
static char grid[128][129];

static void walk(int y, int x, int steps) {
    if (y < 0 || x < 0 || y >= rows || x >= columns || grid[y][x] == '#') return;
    if (grid[y][x] == 'E') {
        if (best < 0 || steps < best) best = steps;
        return;
    }
    char kept = grid[y][x];
    grid[y][x] = '#';
    walk(y + 1, x, steps + 1);
    walk(y - 1, x, steps + 1);
    walk(y, x + 1, steps + 1);
    walk(y, x - 1, steps + 1);
    grid[y][x] = kept;
}

int main(void) {
    scanf("%d %d", &rows, &columns);
    for (int y = 0; y < rows; y++) scanf("%128s", grid[y]);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            if (grid[y][x] == 'S') {
                walk(y, x, 0);
                printf("%d\n", best);
                return 0;
            }
    return 0;
}
