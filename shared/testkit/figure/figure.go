// Package figure is one measured number with its budget: a row of the bench
// table, and what the tests hold to its budget.
package figure

import "math"

// Figure is a number. The JSON of a list of them is what tools read.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Budget is what Value may be at most, or at least; nil if it is only stated.
	Budget *float64 `json:"budget"`
	OK     bool     `json:"ok"`
	// Note says why a budget is missed, where that is known.
	Note string `json:"note,omitempty"`

	least bool
	known float64
}

// AtMost is a figure with an upper bound.
func AtMost(name string, value float64, unit string, budget float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Budget: &budget, OK: value <= budget}
}

// AtLeast is a figure with a lower bound.
func AtLeast(name string, value float64, unit string, budget float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Budget: &budget, OK: value >= budget, least: true}
}

// Stated is a figure without a budget.
func Stated(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit, OK: true}
}

// KnownMiss says why an upper bound is missed, and what the value is that is
// known. OK stays what it is; only a value above the known one is a failure.
func (f Figure) KnownMiss(known float64, why string) Figure {
	if !f.OK {
		f.known, f.Note = known, why
	}
	return f
}

// Failed reports whether a budget is missed in a way that is not known.
func (f Figure) Failed() bool { return !f.OK && !(f.known > 0 && f.Value <= f.known) }

// Bound is the budget with its sign, for people: "<= 5"; empty if there is none.
func (f Figure) Bound() (sign string, budget float64) {
	switch {
	case f.Budget == nil:
		return "", 0
	case f.least:
		return ">=", *f.Budget
	}
	return "<=", *f.Budget
}

// Rounded rounds the value to a number of digits behind the point.
func (f Figure) Rounded(digits int) Figure {
	scale := math.Pow10(digits)
	f.Value = math.Round(f.Value*scale) / scale
	return f
}
