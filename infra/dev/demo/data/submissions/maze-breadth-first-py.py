import sys

rows, columns, *grid = sys.stdin.read().split()
cells = {(y, x): c for y, row in enumerate(grid) for x, c in enumerate(row) if c != "#"}
front = [cell for cell, c in cells.items() if c == "S"]
end = next(cell for cell, c in cells.items() if c == "E")
steps = {front[0]: 0}
while front:
    beyond = []
    for y, x in front:
        for cell in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if cell in cells and cell not in steps:
                steps[cell] = steps[y, x] + 1
                beyond.append(cell)
    front = beyond
print(steps.get(end, -1))
