// Stops one short of b, as if the range were half open.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    long long a, b;
    std::cin >> a >> b;
    a = std::max(a, 2LL);
    std::vector<bool> composite(std::max(0LL, b - a), false);
    for (long long p = 2; p * p < b; p++)
        for (long long k = std::max(p * p, (a + p - 1) / p * p); k < b; k += p) composite[k - a] = true;
    std::cout << std::count(composite.begin(), composite.end(), false) << '\n';
}
