# Waits for 0 instead of 1, and prints the whole path again at every step.
n = int(input())
path = [str(n)]
while n != 0:
    n = 3 * n + 1 if n % 2 else n // 2
    path.append(str(n))
    print("\n".join(path))
