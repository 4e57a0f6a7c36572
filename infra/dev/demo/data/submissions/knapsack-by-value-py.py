n, capacity = map(int, input().split())
least = {0: 0}
for _ in range(n):
    weight, value = map(int, input().split())
    for v, w in sorted(least.items(), reverse=True):
        if w + weight <= least.get(v + value, capacity):
            least[v + value] = w + weight
print(max(least))
