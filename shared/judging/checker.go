package judging

import (
	"fmt"
	"math"
)

// Kind is how an output is compared with the expected one.
type Kind string

// The kinds of checkers.
const (
	// Lines compares line by line, without blanks at the ends of lines and empty
	// lines at the end. It is the default, written as no kind at all.
	Lines Kind = ""
	// Exact compares byte by byte.
	Exact Kind = "exact"
	// Tokens compares what stands between blanks and line ends.
	Tokens Kind = "tokens"
	// Floats is Tokens, but tokens that are both numbers may differ a little.
	Floats Kind = "floats"
	// Program asks a program of the problem, which reads input, output and the
	// expected output.
	Program Kind = "program"
	// Interactor is a program of the problem that talks with the submission while
	// both run.
	Interactor Kind = "interactor"
)

// linesName is how Lines may be written by a producer.
const linesName Kind = "lines"

// Checker is how outputs are compared.
type Checker struct {
	Kind Kind    `json:"kind,omitzero"`
	Abs  float64 `json:"abs,omitzero"` // of Floats: by how much a number may differ
	Rel  float64 `json:"rel,omitzero"` // of Floats: the same, as a share of the expected number

	// Of Program and Interactor.
	Protocol    Protocol `json:"protocol,omitzero"`
	Language    int      `json:"language,omitzero"`
	File        string   `json:"file,omitzero"`        // its source, in the folder Folder of the test data
	TimeLimit   int      `json:"timeLimit,omitzero"`   // ms of CPU time of one case; 0: DefaultCheckerTime
	MemoryLimit int      `json:"memoryLimit,omitzero"` // KB; 0: DefaultCheckerMemory
}

// Normal is c as it is kept: the default by whatever name is the zero Checker.
func (c Checker) Normal() Checker {
	if c.Kind == linesName {
		c.Kind = Lines
	}
	return c
}

// NeedsChecker reports whether a runner must know of checkers to judge by r: one
// that does not compares line by line and judges right answers wrong.
func (r Rules) NeedsChecker() bool { return r.Checker.Kind != Lines }

func (c Checker) check() *Fault {
	if c.IsProgram() {
		return c.checkProgram()
	}
	if c.Protocol != "" || c.Language != 0 || c.File != "" || c.TimeLimit != 0 || c.MemoryLimit != 0 {
		return &Fault{"checker", fmt.Sprintf("protocol, language, file, timeLimit and memoryLimit belong to the kinds %s and %s", Program, Interactor)}
	}
	switch c.Kind {
	case Lines, Exact, Tokens:
		return c.checkBounds()
	case Floats:
		for _, bound := range []struct {
			path  string
			value float64
		}{{"checker.abs", c.Abs}, {"checker.rel", c.Rel}} {
			if !(bound.value >= 0) || math.IsInf(bound.value, 0) {
				return &Fault{bound.path, "want a number of at least 0"}
			}
		}
		if c.Abs == 0 && c.Rel == 0 {
			return &Fault{"checker", "floats wants abs, rel or both, as 1e-6"}
		}
		return nil
	case Program, Interactor, linesName: // the first two are above; the last is not Normal
	}
	return &Fault{"checker.kind", fmt.Sprintf("want %s, %s, %s, %s, %s or %s", linesName, Exact, Tokens, Floats, Program, Interactor)}
}

// checkBounds finds bounds that only Floats has a use for.
func (c Checker) checkBounds() *Fault {
	if c.Abs != 0 || c.Rel != 0 {
		return &Fault{"checker", "abs and rel belong to the kind floats"}
	}
	return nil
}
