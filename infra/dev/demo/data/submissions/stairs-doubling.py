# Fast doubling: the pair (F(k), F(k+1)) gives the pair for 2k.
def pair(k, m):
    if k == 0:
        return 0, 1 % m
    a, b = pair(k // 2, m)
    c = a * (2 * b - a) % m
    d = (a * a + b * b) % m
    return (d, (c + d) % m) if k % 2 else (c, d)


for _ in range(int(input())):
    n, m = map(int, input().split())
    # Blanks at the end of a line do not count.
    print(pair(n + 1, m)[0], end="  \n")
