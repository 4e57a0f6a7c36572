// Integer division rounds towards zero, not down.
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    int groups;
    std::cin >> groups;
    while (groups-- > 0) {
        int size;
        std::cin >> size;
        std::vector<long long> numbers(size);
        for (auto &x : numbers) std::cin >> x;
        if (numbers.empty()) {
            std::cout << "none\n";
        } else {
            std::cout << std::accumulate(numbers.begin(), numbers.end(), 0LL) / size << '\n';
        }
    }
}
