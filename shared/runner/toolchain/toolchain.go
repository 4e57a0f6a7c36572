// Package toolchain holds how a runner compiles and runs each language: one table,
// which is built in (languages.json) and can be replaced by a file. The numbers
// and source names that the server knows too are in package language.
package toolchain

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Language is how a language is compiled and run. In the words of Compile and Run
// and in Environment these are replaced:
//
//	{source}       the source file
//	{sources}      as a word: each file beside it with the same ending
//	{out}          what the compiler makes
//	{memoryMB}     the memory limit of the problem, in MB; while compiling that of the compiler
//	{stackKB}      three quarters of it, in KB: for runtimes that must be told the size of a stack
//	{interpreter}  Interpreter, started so that it sees its standard library only
//	{syntaxCheck}  a Python program that checks the syntax of the file that it is given
//	{warm}         see Warm
//
// The first word is an absolute path, {out} or {interpreter}, or a name that is
// looked for in the directories of Directories.
type Language struct {
	ID     int    `json:"id"`
	Name   string `json:"name"`
	Source string `json:"source"`
	// Comment is for people.
	Comment string `json:"comment"`

	// Compile ends with exit code 0 if the source is all right; else its messages
	// are those of a CE. It may be empty.
	Compile []string `json:"compile"`
	Run     []string `json:"run"`
	// Artifact is what Compile leaves at {out}.
	Artifact Artifact `json:"artifact"`
	// Interpreter is the name of a Python.
	Interpreter string `json:"interpreter"`
	// Mounts are patterns of paths, beside the system's programs and libraries. A box has
	// the existing ones read-only.
	Mounts []string `json:"mounts"`
	// Environment has entries NAME=value, beside the entries that every program gets.
	Environment []string `json:"environment"`

	// MemoryHeadroomKB is what a program may take beyond its limit of memory, for
	// its runtime.
	MemoryHeadroomKB int64 `json:"memoryHeadroomKB"`
	// TimeFactor is by what its limit of time is multiplied; 0: 1.
	TimeFactor float64 `json:"timeFactor"`
	// Threads is how many processes and threads it may have beyond the others.
	Threads int `json:"threads"`
	// ReservesMemory means that its runtime reserves much more address space than it
	// uses, so that no limit of that can be set, which isolation native else does.
	ReservesMemory bool `json:"reservesMemory"`
	// OutOfMemory are the texts by which a program that failed tells that it was
	// refused memory: within its messages if it aborted, else at the beginning of
	// the last line of them that is not indented.
	OutOfMemory []string `json:"outOfMemory"`

	// Check is a program that writes hello. A runner speaks a language if that compiles
	// and runs.
	Check string `json:"check"`
	// Warm means that the compiler keeps things for later compilations. The directory
	// {warm} is empty when Check is compiled first, and can be written to; all later
	// compilations find what is there then, read-only.
	Warm bool `json:"warm"`
}

// Artifact is what a compiler leaves.
type Artifact string

// The artifacts.
const (
	None    Artifact = ""        // nothing that is needed: the source is run
	Program Artifact = "program" // one executable file
	Files   Artifact = "files"   // a directory of files, which the program cannot change
)

// Table has languages by their numbers.
type Table map[int]Language

// IDs lists the numbers, in order.
func (t Table) IDs() []int {
	ids := make([]int, 0, len(t))
	for id := range t {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Only is the part of a table with some numbers.
func (t Table) Only(ids ...int) Table {
	part := Table{}
	for _, id := range ids {
		if l, found := t[id]; found {
			part[id] = l
		}
	}
	return part
}

// Place is what the words of a command are replaced by.
type Place struct {
	Source      string
	Sources     []string
	Out         string
	Interpreter string
	Warm        string
	MemoryKB    int64
}

// stackQuarters of the memory are for a stack, and 1 GB at most: more is refused
// by a Java.
const (
	stackQuarters = 3
	maxStackKB    = 1<<20 - 1
)

func (p Place) replacer() *strings.Replacer {
	return strings.NewReplacer(
		"{source}", p.Source, "{out}", p.Out, "{interpreter}", p.Interpreter, "{warm}", p.Warm, "{syntaxCheck}", syntaxCheck,
		"{memoryMB}", strconv.FormatInt(max(p.MemoryKB>>10, 1), 10),
		"{stackKB}", strconv.FormatInt(min(p.MemoryKB*stackQuarters/4, maxStackKB), 10),
	)
}

// Words replaces what is to be replaced in a command.
func (p Place) Words(command []string) []string {
	r := p.replacer()
	words := make([]string, 0, len(command))
	for _, word := range command {
		if word == "{sources}" {
			words = append(words, p.Sources...)
			continue
		}
		words = append(words, r.Replace(word))
	}
	return words
}

// Env is the environment of l's programs: base, and its own.
func (l Language) Env(base []string, p Place) []string {
	env := slices.Clone(base)
	r := p.replacer()
	for _, entry := range l.Environment {
		env = append(env, r.Replace(entry))
	}
	return env
}

// Sources lists the files of a directory that end as l's source does, by name; none
// that is hidden, as a shell lists them: archives of macOS have a ._main.c.
func (l Language) Sources(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, filepath.Ext(l.Source)) && name[0] != '.' {
			names = append(names, name)
		}
	}
	return names
}

// Milliseconds is a limit of time for l's programs.
func (l Language) Milliseconds(limit int) int {
	if l.TimeFactor == 0 {
		return limit
	}
	return int(float64(limit) * l.TimeFactor)
}

// RefusedMemory reports whether a program that failed says so in its messages,
// by what it wrote last.
func (l Language) RefusedMemory(messages []byte, aborted bool) bool {
	last := []byte(nil)
	for line := range bytes.Lines(messages) {
		if len(bytes.TrimSpace(line)) > 0 && line[0] != ' ' && line[0] != '\t' {
			last = line
		}
	}
	return slices.ContainsFunc(l.OutOfMemory, func(text string) bool {
		return aborted && bytes.Contains(messages, []byte(text)) || bytes.HasPrefix(last, []byte(text))
	})
}

// syntaxCheck is a program that ends with the message of the first syntax error
// in the file it is given. It decodes the file as the interpreter does: what
// compiles bytes does not see that they are no text.
const syntaxCheck = `import sys, tokenize, traceback
try:
    with tokenize.open(sys.argv[1]) as f:
        compile(f.read(), "main.py", "exec", dont_inherit=True)
except BaseException as e:
    sys.exit("".join(traceback.format_exception_only(e)))`
