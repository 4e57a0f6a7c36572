// Package ident holds what the wire contract allows as the id of a job and as
// the name of a runner. The server checks what it gets by it, and the runner what
// it is told: both become parts of keys and paths.
//
// The checks are loops: to compile a regular expression takes 0.3 ms of every
// cold start of a function, and of every case that the runner starts.
package ident

// longest is the longest id or name, in characters.
const longest = 64

// The rules, as openapi.yaml has them and in words for a caller that sent
// something else.
const (
	JobPattern    = `^[A-Za-z0-9_-]{1,64}$`
	JobRule       = "want 1 to 64 letters, digits, hyphens or underscores"
	RunnerPattern = `^[A-Za-z0-9._-]{1,64}$`
	RunnerRule    = "want 1 to 64 letters, digits, dots, hyphens or underscores"
)

// Job reports whether s is allowed as the id of a job, or as the name of a group.
func Job(s string) bool { return legal(s, false) }

// Runner reports whether s is allowed as the name of a runner or of a credential.
func Runner(s string) bool { return legal(s, true) }

func legal(s string, dots bool) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && dots:
		default:
			return false
		}
	}
	return true
}
