package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed data is what this program writes: no case is edited by hand.
func TestCommittedDataIsGenerated(t *testing.T) {
	want, err := render()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	root := filepath.Join("..", "data", "problems")
	err = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == "checker" { // written by hand
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		got[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("data/problems differs; run go run ./infra/dev/demo/generate (-want +got):\n%s", diff)
	}
}

// Answers known from elsewhere, so that a reference solution cannot be wrong in silence.
func TestReferenceSolutions(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     problem
		input string
		want  string
	}{
		{"stairs: Fibonacci numbers", stairs(), "4\n0 100\n1 100\n10 1000\n5 1\n", "1\n1\n89\n0\n"},
		{"primes: pi(100000)", primes(), "1 100000\n", "9592\n"},
		{"knapsack: greedy by ratio would say 7", knapsack(), "3 10\n6 7\n5 5\n5 5\n", "10\n"},
		{"maze: around a wall", maze(), "2 3\nS#E\n...\n", "4\n"},
		{"maze: unreachable", maze(), "1 3\nS#E\n", "-1\n"},
		{"averages: rounded down", averages(), "3\n2 -1 -2\n0\n2 1 2\n", "-2\nnone\n1\n"},
		{"collatz: from 6", collatz(), "6\n", "6\n3\n10\n5\n16\n8\n4\n2\n1\n"},
		{"divisors: of a perfect number", divisors(), "6\n", "1\n2\n3\n6\n"},
		{"goldbach: the smallest", goldbach(), "22\n", "3 19\n"},
		{"roots: of two", roots(), "2\n", "1.414213562\n"},
		{"queens: 8 on a free board", queens(), "8 0\n", "92\n"},
		{"queens: the blocked cell counts", queens(), "4 1\n0 1\n", "1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.p.answer(c.input); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
