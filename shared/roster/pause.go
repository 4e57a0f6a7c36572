package roster

import (
	"strconv"
	"strings"

	"runlease/shared/job"
)

// Pause is that an operator lets no jobs be given out: none at all, or none of a pool
// or of a problem.
type Pause struct {
	Target  string // Everything, PoolTarget or ProblemTarget
	At      job.Time
	By, Why string
	WriteID string
}

// Everything is the target of a pause of all jobs.
const Everything = "all"

// MaxPauses bounds how many there are at a time: each process reads all of them.
const MaxPauses = 100

// What targets begin with, beside Everything.
const (
	poolPrefix    = "pool:"
	problemPrefix = "problem:"
)

// PoolTarget names a pool as the target of a pause; "" is the default one.
func PoolTarget(pool string) string {
	if pool == "" {
		pool = "default"
	}
	return poolPrefix + pool
}

// PoolOf returns the pool that is a target; false if it is none.
func PoolOf(target string) (pool string, is bool) { return strings.CutPrefix(target, poolPrefix) }

// ProblemTarget names a problem as the target of a pause.
func ProblemTarget(id int) string { return problemPrefix + strconv.Itoa(id) }

// Problem returns the problem that p is of; 0 if it is of none.
func (p Pause) Problem() int {
	text, is := strings.CutPrefix(p.Target, problemPrefix)
	if !is {
		return 0
	}
	id, _ := strconv.Atoi(text)
	return id
}

// Flag is what tells ctl of the target, with a blank in front; "" of Everything.
func (p Pause) Flag() string {
	kind, name, is := strings.Cut(p.Target, ":")
	if !is {
		return ""
	}
	return " -" + kind + " " + name
}

// Pauses are all pauses that are in force.
type Pauses []Pause

// Of returns the pause that keeps a job of a pool and a problem from being given out,
// the widest first, and nil if there is none.
func (p Pauses) Of(pool string, problem int) *Pause {
	for _, target := range targets(pool, problem) {
		if found := p.On(target); found != nil {
			return found
		}
	}
	return nil
}

// All returns all pauses of a job of a pool and a problem, the widest first.
func (p Pauses) All(pool string, problem int) (all []Pause) {
	for _, target := range targets(pool, problem) {
		if found := p.On(target); found != nil {
			all = append(all, *found)
		}
	}
	return all
}

func targets(pool string, problem int) []string {
	return []string{Everything, PoolTarget(pool), ProblemTarget(problem)}
}

// On returns the pause of exactly a target, or nil if there is none.
func (p Pauses) On(target string) *Pause {
	for i := range p {
		if p[i].Target == target {
			return &p[i]
		}
	}
	return nil
}
