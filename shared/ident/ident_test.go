package ident_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"runlease/shared/ident"
)

func TestRulesAreThePatterns(t *testing.T) {
	job, runner, pool := regexp.MustCompile(ident.JobPattern), regexp.MustCompile(ident.RunnerPattern), regexp.MustCompile(ident.PoolPattern)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9._-]{63,66}`), rapid.StringMatching(`[A-Za-z0-9_-]{63,66}`), rapid.StringMatching(`[a-z0-9]{19,22}`), rapid.StringMatching(`[ -~]{0,3}`), rapid.String()).Draw(t, "s")
		if got, want := ident.Job(s), job.MatchString(s); got != want {
			t.Errorf("Job(%q) is %v", s, got)
		}
		if got, want := ident.Runner(s), runner.MatchString(s); got != want {
			t.Errorf("Runner(%q) is %v", s, got)
		}
		if got, want := ident.Pool(s), pool.MatchString(s); got != want {
			t.Errorf("Pool(%q) is %v", s, got)
		}
	})
}
