from math import isqrt

a, b = map(int, input().split())
a = max(a, 2)
root = isqrt(b)
small = bytearray([1]) * (root + 1)
for p in range(2, isqrt(root) + 1):
    if small[p]:
        small[p * p :: p] = bytes(len(range(p * p, root + 1, p)))
size = max(0, b - a + 1)
inside = bytearray([1]) * size
p = small.find(1, 2)
while p != -1:
    start = max(p * p, -(-a // p) * p) - a
    if start < size:
        inside[start::p] = bytes(len(range(start, size, p)))
    p = small.find(1, p + 1)
print(sum(inside))
