package judging

import (
	"fmt"
	"math"
)

// Kind says how an output is compared with the expected one.
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
)

// linesName is how Lines may be written by a producer.
const linesName Kind = "lines"

// Checker is how outputs are compared.
type Checker struct {
	Kind Kind    `json:"kind,omitzero"`
	Abs  float64 `json:"abs,omitzero"` // of Floats: by how much a number may differ
	Rel  float64 `json:"rel,omitzero"` // of Floats: the same, as a share of the expected number
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
	switch c.Kind {
	case Lines, Exact, Tokens:
		if c.Abs != 0 || c.Rel != 0 {
			return &Fault{"checker", "abs and rel belong to the kind floats"}
		}
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
	default:
		return &Fault{"checker.kind", fmt.Sprintf("want %s, %s, %s or %s", linesName, Exact, Tokens, Floats)}
	}
	return nil
}
