#include <cstdint>
#include <iostream>
#include <vector>

static std::vector<std::uint32_t> blocked;

static long long place(std::size_t row, std::uint32_t columns, std::uint32_t left, std::uint32_t right) {
    if (row == blocked.size()) return 1;
    std::uint32_t full = (1u << blocked.size()) - 1;
    std::uint32_t open = full & ~(columns | left | right | blocked[row]);
    long long ways = 0;
    while (open) {
        std::uint32_t bit = open & -open;
        open ^= bit;
        ways += place(row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return ways;
}

int main() {
    int n, count;
    std::cin >> n >> count;
    blocked.assign(n, 0);
    while (count-- > 0) {
        int row, column;
        std::cin >> row >> column;
        blocked[row] |= 1u << column;
    }
    std::cout << place(0, 0, 0, 0) << '\n';
}
