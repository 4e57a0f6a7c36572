package judge

import (
	"strings"
	"unicode/utf8"
)

// MaxMessage bounds the message of a failure, in bytes.
const MaxMessage = 1000

// Failure is the first case of a result that is not AC, with its message: for a CE, the
// compiler's.
type Failure struct {
	Task, Case int // from 0
	Status     Status
	Message    string // at most MaxMessage bytes, without folders of the judge; "": there was none
}

// FirstFailure finds the first case that is not AC; it returns false if there is none.
func FirstFailure(cases [][]Case) (f Failure, failed bool) {
	for i, task := range cases {
		for k, c := range task {
			if c.Status != AC {
				return Failure{i, k, c.Status, c.message()}, true
			}
		}
	}
	return Failure{}, false
}

// message is the reason of a case and what it wrote to stderr. There are
// runners that put what the compiler says into stdout.
func (c Case) message() string {
	said := c.Stderr
	if c.Status == CE && strings.TrimSpace(said) == "" {
		said = c.Stdout
	}
	// Cut first, so that the cost is bounded. Folders only get shorter.
	said = strings.TrimSpace(cut(said, 8*MaxMessage))
	both := strings.TrimSpace(strings.ToValidUTF8(c.Reason+"\n"+said, "\ufffd"))
	return cut(withoutFolders(both), MaxMessage)
}

// cut shortens a text to at most most bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// withoutFolders leaves of every absolute path its last part: which folders a
// judge has is not for users to see, and differs from run to run.
func withoutFolders(text string) string {
	if !strings.Contains(text, "/") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		isURL := strings.HasPrefix(text[i:], "//") && i > 0 && text[i-1] == ':'
		if text[i] != '/' || isURL || i > 0 && !beforePath(text[i-1]) {
			out.WriteByte(text[i])
			i++
			continue
		}
		end, last := i+1, i
		for end < len(text) && inPath(text[end]) {
			if text[end] == '/' {
				last = end
			}
			end++
		}
		if last == i { // no folder
			last--
		}
		out.WriteString(text[last+1 : end])
		i = end
	}
	return out.String()
}

// beforePath reports whether a path may begin behind a character.
func beforePath(c byte) bool { return strings.IndexByte(" \t\n\r\"'`([{<=,;:", c) >= 0 }

// inPath reports whether a character may be part of a path.
func inPath(c byte) bool {
	return c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/._+-@~%#", c) >= 0
}
