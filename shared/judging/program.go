package judging

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"runlease/shared/language"
)

// Protocol is how a checker is called and how it answers.
type Protocol string

const (
	// Testlib calls a checker as `checker input output answer` and an interactor as
	// `interactor input output answer`. Exit code 0 accepts, 1, 2, 4 and 8 do not, 3
	// is a fault of the checker; its message is what it writes.
	Testlib Protocol = "testlib"
	// Kattis calls both as `program input answer folder`, the output is the standard
	// input. Exit code 42 accepts, 43 does not; its message is the file
	// judgemessage.txt of the folder.
	Kattis Protocol = "kattis"
)

// Folder is the folder of a problem's test data that holds the source of its
// checker. All files in it lie beside the source when that is compiled.
const Folder = "checker"

// What a checker may use for one case, and the bounds of what a problem may say.
const (
	DefaultCheckerTime   = 10_000 // ms of CPU time
	MinCheckerTime       = 100
	MaxCheckerTime       = 60_000
	DefaultCheckerMemory = 512 << 10 // KB
	MinCheckerMemory     = 16 << 10
	MaxCheckerMemory     = 2 << 20
)

// IsProgram reports whether a program of the problem decides.
func (c Checker) IsProgram() bool { return c.Kind == Program || c.Kind == Interactor }

// Path is where the source of the checker is in the test data; "" if it has none.
func (c Checker) Path() string {
	if !c.IsProgram() {
		return ""
	}
	return Folder + "/" + c.File
}

// MarshalJSON writes the language of every program: 0 is one.
func (c Checker) MarshalJSON() ([]byte, error) {
	type plain Checker
	whole := struct {
		plain
		Language *int `json:"language,omitempty"`
	}{plain: plain(c)}
	if c.IsProgram() {
		whole.Language = &c.Language
	}
	return json.Marshal(whole)
}

func (c Checker) checkProgram() *Fault {
	source, known := language.Source(c.Language)
	switch {
	case c.Protocol != Testlib && c.Protocol != Kattis:
		return &Fault{"checker.protocol", fmt.Sprintf("want %s or %s", Testlib, Kattis)}
	case !known || c.Language > language.Python3:
		return &Fault{"checker.language", "want 0 (C), 1 (C++) or 2 (Python 3)"}
	case !isFileName(c.File):
		return &Fault{"checker.file", fmt.Sprintf("want the name of a file in the folder %s/ of the test data: 1 to 64 letters, digits, '.', '_' and '-'", Folder)}
	case path.Ext(c.File) != path.Ext(source):
		return &Fault{"checker.file", fmt.Sprintf("want a name that ends in %s, as language %d has it", path.Ext(source), c.Language)}
	case c.TimeLimit != 0 && (c.TimeLimit < MinCheckerTime || c.TimeLimit > MaxCheckerTime):
		return &Fault{"checker.timeLimit", fmt.Sprintf("want %d to %d", MinCheckerTime, MaxCheckerTime)}
	case c.MemoryLimit != 0 && (c.MemoryLimit < MinCheckerMemory || c.MemoryLimit > MaxCheckerMemory):
		return &Fault{"checker.memoryLimit", fmt.Sprintf("want %d to %d", MinCheckerMemory, MaxCheckerMemory)}
	}
	return c.checkBounds()
}

func isFileName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return len(name) >= 1 && len(name) <= 64 && name[0] != '.' && name[0] != '-' && strings.Trim(name, letters) == ""
}
