// Reads the numbers as text and then adds the text up into a number.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int groups;
    std::cin >> groups;
    while (groups-- > 0) {
        int size, sum = 0;
        std::cin >> size;
        std::vector<std::string> numbers(size);
        for (auto &x : numbers) {
            std::cin >> x;
            sum += x;
        }
        std::cout << (size ? std::to_string(sum / size) : "none") << '\n';
    }
}
