// Package language holds what server and runner must agree on about languages:
// the number of each on the wire, its name, and the name of its source file. Pure.
package language

import "slices"

// The numbers of the wire contract. They are for ever.
const (
	C           = 0
	CPP         = 1
	Python3     = 2
	Handwritten = 3 // a PDF: kept, never queued
	CPP20       = 4
	Java        = 5
	Go          = 6
	Rust        = 7
	JavaScript  = 8
	PyPy        = 9

	// FirstOwn to Last are an operator's own: the server knows neither name nor
	// source of them.
	FirstOwn = 32
	Last     = 63
)

// known has the name of each language and of the one file that a submission must
// have; "" if none is looked for. Its index is the language's number.
var known = [...]struct{ name, source string }{
	C:           {"C11", "main.c"},
	CPP:         {"C++17", "main.cpp"},
	Python3:     {"Python 3", "main.py"},
	Handwritten: {"handwritten", ""},
	CPP20:       {"C++20", "main.cpp"},
	Java:        {"Java", "Main.java"},
	Go:          {"Go", "main.go"},
	Rust:        {"Rust", "main.rs"},
	JavaScript:  {"JavaScript (Node)", "main.js"},
	PyPy:        {"Python 3 (PyPy)", "main.py"},
}

// Legal reports whether a job may be in a language.
func Legal(id int) bool { return id >= 0 && id < len(known) || Own(id) }

// Legals describes the numbers that are Legal.
const Legals = "want 0 to 9, or 32 to 63"

// Own reports whether a number is an operator's own.
func Own(id int) bool { return id >= FirstOwn && id <= Last }

// Name is what a language is called; "" for an operator's own.
func Name(id int) string {
	if id < 0 || id >= len(known) {
		return ""
	}
	return known[id].name
}

// Source is the name of the file that a submission in a language must have at
// the root of its zip; false if none is known, and none is looked for.
func Source(id int) (name string, found bool) {
	if id < 0 || id >= len(known) || known[id].source == "" {
		return "", false
	}
	return known[id].source, true
}

// Of is the first language whose source file has a name.
func Of(source string) (id int, found bool) {
	id = slices.IndexFunc(known[:], func(k struct{ name, source string }) bool { return source != "" && k.source == source })
	return id, id >= 0
}
