# A correct sieve, but it takes 1 for a prime number.
from math import isqrt

a, b = map(int, input().split())
root = isqrt(b)
small = bytearray([1]) * (root + 1)
for p in range(2, isqrt(root) + 1):
    if small[p]:
        small[p * p :: p] = bytes(len(range(p * p, root + 1, p)))
size = b - a + 1
inside = bytearray([1]) * size
for p in range(2, root + 1):
    if small[p]:
        start = max(p * p, -(-a // p) * p) - a
        if start < size:
            inside[start::p] = bytes(len(range(start, size, p)))
print(sum(inside))
