// Collects every odd candidate up to b before it strikes out a single one.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    long long a, b;
    std::cin >> a >> b;
    std::vector<long long> candidates;
    if (b >= 2) candidates.push_back(2);
    for (long long n = 3; n <= b; n += 2) candidates.push_back(n);
    std::vector<long long> primes;
    long long count = 0;
    for (long long n : candidates) {
        bool prime = true;
        for (long long p : primes) {
            if (p * p > n) break;
            if (n % p == 0) {
                prime = false;
                break;
            }
        }
        if (!prime) continue;
        primes.push_back(n);
        if (n >= a) count++;
    }
    std::cout << count << '\n';
}
