// Package casefile holds what server, runner and the operator's command must
// agree on about a problem's test data: a zip with two files for every case at
// its root, TTCC.in and TTCC.out, for case CC of task TT, both from 00. Pure.
package casefile

import (
	"fmt"
	"strconv"
)

// The endings of a case's files.
const (
	In  = ".in"
	Out = ".out"
)

// The largest zips, in bytes.
const (
	MaxOutputs  = 256 << 20 // of case outputs, which a runner uploads
	MaxTestData = 1 << 30
)

// CaseName is how the files of a case are called, without their ending: two
// digits each for task and case, both from zero.
func CaseName(task, number int) string { return fmt.Sprintf("%02d%02d", task, number) }

// place is a case.
type place struct{ task, number int }

func (p place) String() string { return fmt.Sprintf("task %d, case %d", p.task, p.number) }

// parseName finds the case that a file belongs to; false if it is named otherwise.
func parseName(name string) (p place, ending string, is bool) {
	if len(name) < 4 || name[4:] != In && name[4:] != Out {
		return place{}, "", false
	}
	for _, digit := range name[:4] {
		if digit < '0' || digit > '9' {
			return place{}, "", false
		}
	}
	p.task, _ = strconv.Atoi(name[:2])
	p.number, _ = strconv.Atoi(name[2:4])
	return p, name[4:], true
}
