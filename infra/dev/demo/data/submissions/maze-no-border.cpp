// Trusts the walls: right until a maze is open at its border.
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
    for (int y = 0; y < rows; y++) {
        std::cin >> grid[y];
        auto x = grid[y].find('S');
        if (x != std::string::npos) {
            steps[y][x] = 0;
            next.push({y, int(x)});
        }
    }
    const int dy[] = {1, -1, 0, 0}, dx[] = {0, 0, 1, -1};
    for (; !next.empty(); next.pop()) {
        auto [y, x] = next.front();
        if (grid.at(y).at(x) == 'E') {
            std::cout << steps[y][x] << '\n';
            return 0;
        }
        for (int d = 0; d < 4; d++) {
            int ny = y + dy[d], nx = x + dx[d];
            if (grid.at(ny).at(nx) == '#' || steps[ny][nx] >= 0) continue;
            steps[ny][nx] = steps[y][x] + 1;
            next.push({ny, nx});
        }
    }
    std::cout << -1 << '\n';
}
