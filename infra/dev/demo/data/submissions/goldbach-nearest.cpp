#include <iostream>

static bool prime(int n) {
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

int main() {
    int n;
    std::cin >> n;
    int a = n / 2;
    while (!prime(a) || !prime(n - a)) a--;
    std::cout << n - a << "\n" << a << "\n";
}
