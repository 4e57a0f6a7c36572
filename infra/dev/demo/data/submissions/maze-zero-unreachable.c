/* Leaves the distance of an end that cannot be reached at 0. */
#include <stdio.h>

static char grid[128][129];
static int steps[128][128], seen[128][128], queue[128 * 128];

int main(void) {
    int rows, columns, head = 0, tail = 0, end = 0;
    scanf("%d %d", &rows, &columns);
    for (int y = 0; y < rows; y++) {
        scanf("%128s", grid[y]);
        for (int x = 0; x < columns; x++) {
            if (grid[y][x] == 'S') {
                seen[y][x] = 1;
                queue[tail++] = y * 128 + x;
            }
            if (grid[y][x] == 'E') end = y * 128 + x;
        }
    }
    while (head < tail) {
        int y = queue[head] / 128, x = queue[head] % 128;
        head++;
        for (int d = 0; d < 4; d++) {
            int ny = y + (d == 0) - (d == 1), nx = x + (d == 2) - (d == 3);
            if (ny < 0 || nx < 0 || ny >= rows || nx >= columns) continue;
            if (grid[ny][nx] == '#' || seen[ny][nx]) continue;
            seen[ny][nx] = 1;
            steps[ny][nx] = steps[y][x] + 1;
            queue[tail++] = ny * 128 + nx;
        }
    }
    printf("%d\n", steps[end / 128][end % 128]);
    return 0;
}
