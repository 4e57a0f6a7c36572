n = int(input())


def prime(k):
    return k > 1 and all(k % d for d in range(2, int(k ** 0.5) + 1))


a = next(a for a in range(2, n) if prime(a) and prime(n - a))
print(a, n - a)
