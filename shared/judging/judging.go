// Package judging holds what a problem says about how its cases are judged,
// beside the limits of its tasks: in the words in which producer, server and
// runner exchange it. Pure.
package judging

import "fmt"

// The bounds of what a problem may say.
const (
	MaxOutput        = 256 << 10 // KB
	MinCompileTime   = 1_000     // ms
	MaxCompileTime   = 120_000
	MinCompileMemory = 64 << 10 // KB
	MaxCompileMemory = 4 << 20
)

// Rules are the rules of a problem. The zero value means: the runner's own limits,
// every case runs, outputs are compared line by line.
type Rules struct {
	OutputLimit   int     `json:"outputLimit,omitzero"` // KB of stdout, and of stderr; 0: the runner's
	Compile       Compile `json:"compile,omitzero"`
	StopOnFailure bool    `json:"stopOnFailure,omitzero"` // the first failed case ends its task
	Checker       Checker `json:"checker,omitzero"`
}

// Compile bounds a compiler; 0: the runner's own limit.
type Compile struct {
	TimeLimit   int `json:"timeLimit,omitzero"`   // ms of CPU time
	MemoryLimit int `json:"memoryLimit,omitzero"` // KB
}

// Fault is the first thing that is wrong with rules.
type Fault struct {
	Path string // of the field
	Why  string // what is wanted there
}

func (f *Fault) Error() string { return f.Path + ": " + f.Why }

// Check finds the first thing that is wrong with r, or nil if nothing is.
func (r Rules) Check() *Fault {
	for _, field := range []struct {
		path            string
		value, from, to int
	}{
		{"outputLimit", r.OutputLimit, 1, MaxOutput},
		{"compile.timeLimit", r.Compile.TimeLimit, MinCompileTime, MaxCompileTime},
		{"compile.memoryLimit", r.Compile.MemoryLimit, MinCompileMemory, MaxCompileMemory},
	} {
		if field.value != 0 && (field.value < field.from || field.value > field.to) {
			return &Fault{field.path, fmt.Sprintf("want %d to %d", field.from, field.to)}
		}
	}
	return r.Checker.check()
}
