// With and without each thing: 2^n leaves.
#include <algorithm>
#include <iostream>
#include <vector>

static std::vector<std::pair<long long, long long>> things;

static long long best(std::size_t from, long long capacity) {
    if (from == things.size()) return 0;
    auto [weight, value] = things[from];
    long long without = best(from + 1, capacity);
    if (weight > capacity) return without;
    return std::max(without, value + best(from + 1, capacity - weight));
}

int main() {
    std::size_t n;
    long long capacity;
    std::cin >> n >> capacity;
    things.resize(n);
    for (auto &[weight, value] : things) std::cin >> weight >> value;
    std::cout << best(0, capacity) << '\n';
}
