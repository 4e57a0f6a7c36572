// Never marks a cell as seen: the queue grows by a factor with every step.
#include <iostream>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

int main() {
    int rows, columns;
    std::cin >> rows >> columns;
    std::vector<std::string> grid(rows);
    std::queue<std::tuple<int, int, int>> next;
    for (int y = 0; y < rows; y++) {
        std::cin >> grid[y];
        auto x = grid[y].find('S');
        if (x != std::string::npos) next.push({y, int(x), 0});
    }
    const int dy[] = {1, -1, 0, 0}, dx[] = {0, 0, 1, -1};
    while (!next.empty()) {
        auto [y, x, steps] = next.front();
        next.pop();
        if (grid[y][x] == 'E') {
            std::cout << steps << '\n';
            return 0;
        }
        for (int d = 0; d < 4; d++) {
            int ny = y + dy[d], nx = x + dx[d];
            if (ny < 0 || nx < 0 || ny >= rows || nx >= columns || grid[ny][nx] == '#') continue;
            next.push({ny, nx, steps + 1});
        }
    }
    std::cout << -1 << '\n';
}
