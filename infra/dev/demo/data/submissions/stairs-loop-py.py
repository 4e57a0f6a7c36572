# One step after the other, with a thousand times too many of them.
for _ in range(int(input())):
    n, m = map(int, input().split())
    before, here = 0, 1 % m
    for _ in range(n):
        before, here = here, (before + here) % m
    print(here)
