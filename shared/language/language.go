// Package language holds what server and runner must agree on about languages:
// the number of each on the wire and the name of its source file. Pure.
package language

// The numbers of the wire contract. They are for ever.
const (
	C           = 0
	CPP         = 1
	Python3     = 2
	Handwritten = 3 // a PDF: kept, never queued
)

// sources has the name of the one file that a submission must have.
var sources = map[int]string{C: "main.c", CPP: "main.cpp", Python3: "main.py"}

// Source is the name of the file that a submission in a language must have at
// the root of its zip; false: none is known, and none is looked for.
func Source(id int) (name string, known bool) {
	name, known = sources[id]
	return name, known
}
