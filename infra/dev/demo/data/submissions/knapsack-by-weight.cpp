// The textbook table, one entry per unit of capacity: 10^8 units are too many.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n;
    long long capacity;
    std::cin >> n >> capacity;
    std::vector<long long> best(capacity + 1, 0);
    for (int i = 0; i < n; i++) {
        long long weight, value;
        std::cin >> weight >> value;
        for (long long w = capacity; w >= weight; w--) best[w] = std::max(best[w], best[w - weight] + value);
    }
    std::cout << best[capacity] << '\n';
}
