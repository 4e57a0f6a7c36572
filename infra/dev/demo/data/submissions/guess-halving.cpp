#include <iostream>
#include <string>

int main() {
    int low = 1, high;
    std::string said;
    std::cin >> high;
    while (said != "yes") {
        int guess = low + (high - low) / 2;
        std::cout << guess << std::endl;
        std::cin >> said;
        if (said == "low") low = guess + 1;
        else high = guess - 1;
    }
}
