// Powers of the matrix (1 1; 1 0), so that 10^18 steps take 60 squarings.
#include <array>
#include <cstdint>
#include <iostream>

using Matrix = std::array<std::uint64_t, 4>;

static Matrix multiply(const Matrix &a, const Matrix &b, std::uint64_t m) {
    return {(a[0] * b[0] + a[1] * b[2]) % m, (a[0] * b[1] + a[1] * b[3]) % m,
            (a[2] * b[0] + a[3] * b[2]) % m, (a[2] * b[1] + a[3] * b[3]) % m};
}

int main() {
    int queries;
    std::cin >> queries;
    while (queries-- > 0) {
        std::uint64_t n, m;
        std::cin >> n >> m;
        Matrix power{1 % m, 0, 0, 1 % m}, base{1 % m, 1 % m, 1 % m, 0};
        for (; n > 0; n /= 2) {
            if (n % 2 == 1) power = multiply(power, base, m);
            base = multiply(base, base, m);
        }
        std::cout << power[0] << '\n';
    }
}
