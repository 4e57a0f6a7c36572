package main

import (
	"fmt"
	"strings"
)

// source is a file that has guards, and the commands that shall miss them.
type source struct {
	file   string // from the module's root
	tests  []command
	guards []guard
}

// guard is one thing that the code takes care of, and how to take it out: each
// text is found exactly once in the file, so that this table cannot rot.
type guard struct {
	name  string
	keeps string // the invariant of ARCHITECTURE.md, I1 to I6; S: security; E: economy
	from  string
	to    string
	also  []edit    // further changes to the same file
	tests []command // instead of the file's
	each  bool      // every one of them notices, not the first alone
}

// edit replaces one text by another.
type edit struct{ from, to string }

// command is a go test that is expected to fail. Of several, the first that
// fails catches the mutation, but where each has to.
type command struct {
	pkg   string
	tests string // a regular expression for go test -run
	skip  string // and one for -skip: property tests, which do not find the same thing every time
	short bool
}

// args are the command's, without the overlay. Binaries that a test builds are no
// part of what go test caches by.
func (c command) args() []string {
	args := []string{"-vet=off", "-failfast", "-count=1", "-json", "-timeout", "100s", "-run", c.tests}
	if c.skip != "" {
		args = append(args, "-skip", c.skip)
	}
	if c.short {
		args = append(args, "-short")
	}
	return append(args, c.pkg)
}

func (c command) String() string { return c.pkg + " -run " + c.tests }

// mutation is a guard with its place.
type mutation struct {
	name, keeps, file string
	edits             []edit
	tests             []command
	each              bool
}

// mutations is the whole table.
func mutations() []mutation {
	var all []mutation
	for _, sources := range [][]source{jobRules, verdicts, referees, languages, useCases, stores, folder, queues, artifacts, credentials, edge, theBridge, webhooks, measuring} {
		for _, s := range sources {
			for _, g := range s.guards {
				tests := s.tests
				if g.tests != nil {
					tests = g.tests
				}
				all = append(all, mutation{
					name: g.name, keeps: g.keeps, file: s.file,
					edits: append([]edit{{g.from, g.to}}, g.also...), tests: tests, each: g.each,
				})
			}
		}
	}
	return all
}

// apply makes the changes in a file's text.
func (m mutation) apply(text string) (string, error) {
	for _, e := range m.edits {
		if n := strings.Count(text, e.from); n != 1 {
			return "", fmt.Errorf("%s: this text is %d times in %s, want 1:\n%s", m.name, n, m.file, e.from)
		}
		if e.from == e.to {
			return "", fmt.Errorf("%s changes nothing in %s", m.name, m.file)
		}
		text = strings.Replace(text, e.from, e.to, 1)
	}
	return text, nil
}
