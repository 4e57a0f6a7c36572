package main

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
)

// knapsack: "n w", then n lines "weight value": the greatest value that fits.
// In the last task w is far too large for a table by weight; values are small.
func knapsack() problem {
	r := seeded(3)
	random := func(n, capacity, maxWeight, maxValue int) string {
		var b strings.Builder
		fmt.Fprintln(&b, n, capacity)
		for range n {
			fmt.Fprintln(&b, 1+r.IntN(maxWeight), 1+r.IntN(maxValue))
		}
		return b.String()
	}
	return problem{
		name: "knapsack",
		tasks: []task{
			{20, memoryKB, timeMS, []string{
				"3 10\n6 7\n5 5\n5 5\n",
				random(12, 40, 15, 20),
				"1 3\n4 9\n",
			}},
			{30, memoryKB, timeMS, []string{
				random(60, 1_000, 80, 40),
				"2 4\n2 3\n3 4\n",
			}},
			{50, memoryKB, timeMS, []string{
				random(12, 120_000_000, 25_000_000, 30),
				random(80, 200_000_000, 9_000_000, 20),
			}},
		},
		answer: func(input string) string {
			f := numbers(input)
			n, capacity := int(f[0]), f[1]
			// least maps a value to the least weight that reaches it.
			least := map[int64]int64{0: 0}
			for i := range n {
				weight, value := f[2+2*i], f[3+2*i]
				next := map[int64]int64{}
				for v, w := range least {
					keep(next, v, w)
					if w+weight <= capacity {
						keep(next, v+value, w+weight)
					}
				}
				least = next
			}
			best := int64(0)
			for v := range least {
				best = max(best, v)
			}
			return fmt.Sprintln(best)
		},
	}
}

func keep(least map[int64]int64, value, weight int64) {
	if old, ok := least[value]; !ok || weight < old {
		least[value] = weight
	}
}

// maze: "rows columns", then the rows of '.', '#', one 'S' and one 'E': the
// fewest steps from S to E, or -1.
func maze() problem {
	r := seeded(4)
	return problem{
		name: "maze",
		tasks: []task{
			// Walled all round, and E can be reached.
			{30, 96 * 1024, timeMS, []string{
				"5 5\n#####\n#S..#\n#.#.#\n#..E#\n#####\n",
				"4 6\n######\n#S..E#\n#....#\n######\n",
			}},
			// Open at the border.
			{30, 96 * 1024, timeMS, []string{
				scatter(r, 5, 5, 0, true),
				scatter(r, 20, 20, 20, true),
			}},
			{40, 96 * 1024, timeMS, []string{
				scatter(r, 70, 70, 25, true),
				enclosed(5, 7),
			}},
		},
		answer: func(input string) string { return fmt.Sprintln(walk(input)) },
	}
}

// scatter draws until E can, or cannot, be reached: S in the upper left corner,
// E in the lower right, walls on the given percentage of the other cells.
func scatter(r *rand.Rand, rows, columns, wallPercent int, reachable bool) string {
	for {
		grid := make([][]byte, rows)
		for y := range grid {
			grid[y] = make([]byte, columns)
			for x := range grid[y] {
				grid[y][x] = '.'
				if r.IntN(100) < wallPercent {
					grid[y][x] = '#'
				}
			}
		}
		grid[0][0], grid[rows-1][columns-1] = 'S', 'E'
		if text := draw(grid); (walk(text) >= 0) == reachable {
			return text
		}
	}
}

// enclosed is an open field whose E is behind a wall.
func enclosed(rows, columns int) string {
	grid := make([][]byte, rows)
	for y := range grid {
		grid[y] = []byte(strings.Repeat(".", columns))
		grid[y][columns-2] = '#'
	}
	grid[0][0], grid[rows-1][columns-1] = 'S', 'E'
	return draw(grid)
}

func draw(grid [][]byte) string {
	var b strings.Builder
	fmt.Fprintln(&b, len(grid), len(grid[0]))
	for _, row := range grid {
		fmt.Fprintln(&b, string(row))
	}
	return b.String()
}

// walk relaxes all distances until nothing changes: slow, and too plain to be
// wrong in the way of a breadth-first search.
func walk(input string) int {
	rows := strings.Fields(input)[2:]
	const far = 1 << 30
	distance := make([][]int, len(rows))
	for y, row := range rows {
		distance[y] = make([]int, len(row))
		for x := range row {
			distance[y][x] = far
			if row[x] == 'S' {
				distance[y][x] = 0
			}
		}
	}
	at := func(y, x int) int {
		if y < 0 || x < 0 || y >= len(rows) || x >= len(rows[y]) || rows[y][x] == '#' {
			return far
		}
		return distance[y][x]
	}
	answer := -1
	for changed := true; changed; {
		changed = false
		for y, row := range rows {
			for x := range row {
				if row[x] == '#' {
					continue
				}
				if near := 1 + min(at(y-1, x), at(y+1, x), at(y, x-1), at(y, x+1)); near < distance[y][x] {
					distance[y][x], changed = near, true
				}
				if row[x] == 'E' && distance[y][x] < far {
					answer = distance[y][x]
				}
			}
		}
	}
	return answer
}

// queens: "n b", then b lines "row column" of blocked cells, counted from 0:
// in how many ways can n queens stand on the free cells, none attacking another?
// The many cases of the last task make one submission's run take seconds, which
// is what the demo needs to kill its runner in the middle.
func queens() problem {
	r := seeded(7)
	board := func(n, blocked int) string {
		var b strings.Builder
		fmt.Fprintln(&b, n, blocked)
		for _, cell := range r.Perm(n * n)[:blocked] {
			fmt.Fprintln(&b, cell/n, cell%n)
		}
		return b.String()
	}
	last := task{score: 70, memory: memoryKB, time: timeMS}
	for i := range 18 {
		last.inputs = append(last.inputs, board(10, i%4))
	}
	return problem{
		name: "queens",
		tasks: []task{
			{10, memoryKB, timeMS, []string{board(1, 0), board(2, 0), "1 1\n0 0\n"}},
			{20, memoryKB, timeMS, []string{board(6, 0), board(8, 5)}},
			last,
		},
		answer: func(input string) string {
			f := numbers(input)
			n := int(f[0])
			closed := make([]uint, n)
			for i := range int(f[1]) {
				closed[f[2+2*i]] |= 1 << f[3+2*i]
			}
			return fmt.Sprintln(place(n, 0, closed, nil))
		},
	}
}

// place counts the ways to go on after the queens in columns, one per row.
func place(n, row int, closed []uint, columns []int) int {
	if row == n {
		return 1
	}
	free := (uint(1)<<n - 1) &^ closed[row]
	for above, column := range columns {
		reach := row - above
		free &^= 1<<column | 1<<(column+reach)
		if column >= reach {
			free &^= 1 << (column - reach)
		}
	}
	ways := 0
	for ; free != 0; free &= free - 1 {
		ways += place(n, row+1, closed, append(columns, bits.TrailingZeros(free)))
	}
	return ways
}
