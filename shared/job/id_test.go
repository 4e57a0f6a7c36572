package job_test

import (
	"strings"
	"testing"

	"runlease/shared/job"
)

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"":                      false,
		"a":                     true,
		"AZaz09_-":              true,
		strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false,
		"a b":                   false,
		"a/b":                   false,
		"a.b":                   false,
		"a\n":                   false,
		"é":                     false,
		"@":                     false,
		"[":                     false,
		"`":                     false,
		"{":                     false,
		job.RejudgeGroup:        false,
	} {
		if got := job.ValidID(id); got != want {
			t.Errorf("%q: got %t, want %t", id, got, want)
		}
	}
}
