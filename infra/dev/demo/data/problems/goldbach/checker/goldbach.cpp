// Accepts any two primes whose sum is the number in the input. The expected
// output is not looked at.
#include <fstream>
#include <iostream>
#include <string>

static bool prime(long long n) {
    for (long long d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

int main(int argc, char **argv) {
    std::ifstream input(argv[1]), output(argv[2]);
    long long n, a, b;
    std::string more;
    if (!(input >> n)) {
        std::cerr << "the input has no number";
        return 3;
    }
    if (!(output >> a >> b) || output >> more) {
        std::cerr << "want two numbers";
        return 2;
    }
    if (a < 2 || a > n || a + b != n) {
        std::cerr << "the sum is not right";
        return 1;
    }
    if (!prime(a) || !prime(b)) {
        std::cerr << "one of them is no prime";
        return 1;
    }
    return 0;
}
