package main

import (
	"fmt"
	"strconv"
	"strings"
)

// number reads an integer that this program wrote itself, so that anything else
// is a bug here.
func number(word string) int64 {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func numbers(input string) []int64 {
	var all []int64
	for _, word := range strings.Fields(input) {
		all = append(all, number(word))
	}
	return all
}

// perLine answers every line after the first, which says how many there are.
func perLine(input string, answer func(fields []string) string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(input, "\n"), "\n")[1:] {
		fmt.Fprintln(&b, answer(strings.Fields(line)))
	}
	return b.String()
}
