#include <iostream>
#include <queue>
#include <string>
#include <vector>

int main() {
    int rows, columns;
    std::cin >> rows >> columns;
    std::vector<std::string> grid(rows);
    std::vector<std::vector<int>> steps(rows, std::vector<int>(columns, -1));
    std::queue<std::pair<int, int>> next;
    int ey = 0, ex = 0;
    for (int y = 0; y < rows; y++) {
        std::cin >> grid[y];
        for (int x = 0; x < columns; x++) {
            if (grid[y][x] == 'S') {
                steps[y][x] = 0;
                next.push({y, x});
            }
            if (grid[y][x] == 'E') ey = y, ex = x;
        }
    }
    const int dy[] = {1, -1, 0, 0}, dx[] = {0, 0, 1, -1};
    for (; !next.empty(); next.pop()) {
        auto [y, x] = next.front();
        for (int d = 0; d < 4; d++) {
            int ny = y + dy[d], nx = x + dx[d];
            if (ny < 0 || nx < 0 || ny >= rows || nx >= columns) continue;
            if (grid[ny][nx] == '#' || steps[ny][nx] >= 0) continue;
            steps[ny][nx] = steps[y][x] + 1;
            next.push({ny, nx});
        }
    }
    std::cout << steps[ey][ex] << std::endl;
}
