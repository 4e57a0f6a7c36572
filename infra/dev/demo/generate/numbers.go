package main

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"

	"runlease/shared/judging"
)

// Limits that most tasks share. Python alone needs about 12 MB and 20 ms; the
// time limit leaves an honest solution five times what it needs on two busy
// cores, and costs a hopeless one a second.
const (
	memoryKB = 128 * 1024
	timeMS   = 1000
)

// seeded gives every problem its own stream, the same on every run.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 20240229)) }

// stairs: q lines "n m": in how many ways can n steps be climbed by ones and
// twos, modulo m?
func stairs() problem {
	ask := func(pairs ...[2]int64) string {
		var b strings.Builder
		fmt.Fprintln(&b, len(pairs))
		for _, p := range pairs {
			fmt.Fprintln(&b, p[0], p[1])
		}
		return b.String()
	}
	const prime = 1_000_000_007
	return problem{
		name: "stairs",
		tasks: []task{
			{20, memoryKB, timeMS, []string{
				ask([2]int64{1, prime}, [2]int64{2, prime}, [2]int64{3, prime}),
				ask([2]int64{0, prime}, [2]int64{10, prime}, [2]int64{20, prime}),
			}},
			{30, memoryKB, timeMS, []string{
				ask([2]int64{5_000, prime}),
				ask([2]int64{20_000, prime}, [2]int64{19_999, 998_244_353}),
			}},
			{50, memoryKB, timeMS, []string{
				ask([2]int64{0, 1}, [2]int64{1, 1}, [2]int64{45, 998_244_353}),
				ask([2]int64{1_000_000_000_000_000_000, prime}, [2]int64{999_999_999_999_999_989, 998_244_353}),
			}},
		},
		answer: func(input string) string {
			return perLine(input, func(f []string) string {
				n, m := number(f[0]), number(f[1])
				// Fast doubling on the bits of n, with F(1) = 1 way for 0 steps.
				a, b := big.NewInt(0), big.NewInt(1)
				mod := big.NewInt(m)
				for _, bit := range fmt.Sprintf("%b", n+1) {
					twice := new(big.Int).Sub(new(big.Int).Lsh(b, 1), a)
					c := new(big.Int).Mul(a, twice)
					d := new(big.Int).Add(new(big.Int).Mul(a, a), new(big.Int).Mul(b, b))
					a, b = c, d
					if bit == '1' {
						a, b = d, new(big.Int).Add(c, d)
					}
					a.Mod(a, mod)
					b.Mod(b, mod)
				}
				return a.Mod(a, mod).String()
			})
		},
	}
}

// primes: "a b": how many primes are there from a to b, both included?
func primes() problem {
	ask := func(a, b int64) string { return fmt.Sprintln(a, b) }
	return problem{
		name: "primes",
		tasks: []task{
			{10, 96 * 1024, timeMS, []string{ask(1, 2), ask(1, 97), ask(90, 96)}},
			{30, 96 * 1024, timeMS, []string{ask(1, 1), ask(1, 100_003), ask(50_000, 50_021)}},
			{60, 96 * 1024, timeMS, []string{
				ask(999_900_000, 1_000_000_007),
				ask(99_999_920_000, 99_999_999_977),
			}},
		},
		answer: func(input string) string {
			f := strings.Fields(input)
			count := 0
			for n := number(f[0]); n <= number(f[1]); n++ {
				// ProbablyPrime(0) is exact below 2^64.
				if big.NewInt(n).ProbablyPrime(0) {
					count++
				}
			}
			return fmt.Sprintln(count)
		},
	}
}

// averages: g lines "k x1 ... xk": the average of each, rounded down, or
// "none" where k is 0.
func averages() problem {
	r := seeded(5)
	line := func(k int, low, high int64) string {
		words := []string{fmt.Sprint(k)}
		for range k {
			words = append(words, fmt.Sprint(low+r.Int64N(high-low+1)))
		}
		return strings.Join(words, " ")
	}
	group := func(lines ...string) string {
		return fmt.Sprintf("%d\n%s\n", len(lines), strings.Join(lines, "\n"))
	}
	return problem{
		name: "averages",
		tasks: []task{
			{40, memoryKB, timeMS, []string{
				group("3 1 2 3", "2 1 2", "1 0"),
				group(line(20, 0, 100), line(7, 0, 1_000), line(13, 0, 9)),
				group(line(200, 0, 1_000_000), line(300, 0, 1_000_000)),
			}},
			{25, memoryKB, timeMS, []string{
				group("2 -1 -2", "3 -1 0 0", "4 -7 2 1 1"),
				group(line(50, -999, -1), line(40, -50, 3), "2 -5 2"),
			}},
			{35, memoryKB, timeMS, []string{
				group("0", "1 5", "0"),
				group(line(30, 0, 99), "0", line(10, -99, -1), "2 -3 0"),
			}},
		},
		answer: func(input string) string {
			return perLine(input, func(f []string) string {
				if len(f) == 1 {
					return "none"
				}
				sum := new(big.Int)
				for _, word := range f[1:] {
					sum.Add(sum, big.NewInt(number(word)))
				}
				// Euclidean division rounds down, because the divisor is positive.
				return sum.Div(sum, big.NewInt(int64(len(f)-1))).String()
			})
		},
	}
}

// collatz: "n": the path from n to 1 by halving evens and 3n+1 on odds, one
// number per line.
func collatz() problem {
	ask := func(n int64) string { return fmt.Sprintln(n) }
	return problem{
		name: "collatz",
		tasks: []task{
			{25, memoryKB, timeMS, []string{ask(6), ask(27), ask(1)}},
			// 113383 climbs to 2482111348, more than 32 bits hold with a sign.
			{75, memoryKB, timeMS, []string{ask(97), ask(113_383)}},
		},
		answer: func(input string) string {
			var b strings.Builder
			n := number(strings.TrimSpace(input))
			for fmt.Fprintln(&b, n); n != 1; fmt.Fprintln(&b, n) {
				if n%2 == 0 {
					n /= 2
				} else {
					n = 3*n + 1
				}
			}
			return b.String()
		},
	}
}

// divisors: all divisors of n, in order, in any layout.
func divisors() problem {
	return problem{
		name: "divisors",
		tasks: []task{
			{40, memoryKB, timeMS, []string{"1\n", "12\n", "97\n"}},
			{60, memoryKB, timeMS, []string{"360360\n", "999983\n"}},
		},
		answer: func(input string) string {
			var n int
			mustScan(input, &n)
			var b strings.Builder
			for d := 1; d <= n; d++ {
				if n%d == 0 {
					fmt.Fprintln(&b, d)
				}
			}
			return b.String()
		},
		rules: judging.Rules{Checker: judging.Checker{Kind: judging.Tokens}},
	}
}

// roots: the square root of n, to six digits. A failed case ends its task.
func roots() problem {
	return problem{
		name: "roots",
		tasks: []task{
			{50, memoryKB, timeMS, []string{"4\n", "2\n", "0\n"}},
			{50, memoryKB, timeMS, []string{"1000000\n", "123456789\n", "3\n"}},
		},
		answer: func(input string) string {
			var n float64
			mustScan(input, &n)
			return fmt.Sprintf("%.9f\n", math.Sqrt(n))
		},
		rules: judging.Rules{StopOnFailure: true, Checker: judging.Checker{Kind: judging.Floats, Abs: 1e-6, Rel: 1e-6}},
	}
}

// goldbach: two primes whose sum is n, an even number. There are many, and a
// checker finds out; what is expected is the pair with the smallest.
func goldbach() problem {
	return problem{
		name: "goldbach",
		tasks: []task{
			{40, memoryKB, timeMS, []string{"6\n", "22\n"}},
			{60, memoryKB, timeMS, []string{"1000000\n", "99998\n"}},
		},
		answer: func(input string) string {
			var n int64
			mustScan(input, &n)
			for a := int64(2); ; a++ {
				if big.NewInt(a).ProbablyPrime(0) && big.NewInt(n-a).ProbablyPrime(0) {
					return fmt.Sprintln(a, n-a)
				}
			}
		},
		rules: judging.Rules{Checker: judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, Language: 1, File: "goldbach.cpp"}},
	}
}

// guess: an interactor thinks of a number up to n, and answers guesses. A case
// is n, the number, and how many guesses are allowed.
func guess() problem {
	return problem{
		name: "guess",
		tasks: []task{
			{30, memoryKB, timeMS, []string{"10 4 10\n", "1 1 1\n"}},
			{70, memoryKB, timeMS, []string{"1000000 1000000 20\n", "1000 731 10\n"}},
		},
		answer: func(string) string { return "" },
		rules:  judging.Rules{Checker: judging.Checker{Kind: judging.Interactor, Protocol: judging.Kattis, Language: 2, File: "guess.py"}},
	}
}

// mustScan reads one number of an input that is our own.
func mustScan(input string, n any) {
	if _, err := fmt.Sscan(input, n); err != nil {
		panic(err)
	}
}
