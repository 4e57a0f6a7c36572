# Returns the first two values as they are: 1, although 1 modulo 1 is 0.
def ways(n, m):
    if n < 2:
        return 1
    a, b, c, d = 1, 0, 0, 1
    p, q, r, s = 1, 1, 1, 0
    while n:
        if n & 1:
            a, b, c, d = (a * p + b * r) % m, (a * q + b * s) % m, (c * p + d * r) % m, (c * q + d * s) % m
        p, q, r, s = (p * p + q * r) % m, (p * q + q * s) % m, (r * p + s * r) % m, (r * q + s * s) % m
        n >>= 1
    return a


for _ in range(int(input())):
    print(ways(*map(int, input().split())))
