// Sieve up to the root of b, then strike out inside [a, b] only.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    long long a, b;
    std::cin >> a >> b;
    a = std::max(a, 2LL);
    std::vector<char> composite(b >= a ? b - a + 1 : 0, 0);
    long long root = 1;
    while ((root + 1) * (root + 1) <= b) root++;
    std::vector<char> small(root + 1, 0);
    for (long long p = 2; p <= root; p++) {
        if (small[p]) continue;
        for (long long k = p * p; k <= root; k += p) small[k] = 1;
        for (long long k = std::max(p * p, (a + p - 1) / p * p); k <= b; k += p) composite[k - a] = 1;
    }
    std::cout << std::count(composite.begin(), composite.end(), 0) << '\n';
}
