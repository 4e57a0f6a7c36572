# Depth first: the first path that it finds, which is rarely the shortest.
import sys

rows, columns, *grid = sys.stdin.read().split()
cells = {(y, x): c for y, row in enumerate(grid) for x, c in enumerate(row) if c != "#"}
start = next(cell for cell, c in cells.items() if c == "S")
stack, seen, answer = [(start, 0)], set(), -1
while stack:
    (y, x), steps = stack.pop()
    if (y, x) in seen:
        continue
    seen.add((y, x))
    if cells[y, x] == "E":
        answer = steps
        break
    for cell in ((y, x - 1), (y, x + 1), (y + 1, x), (y - 1, x)):
        if cell in cells:
            stack.append((cell, steps + 1))
print(answer)
