// Package saved reads the events under events/: what API Gateway (or the rule
// of the sweep) sends to a function, the state that it needs, and what the
// function must answer.
package saved

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Suffixes of the files of a case.
const (
	eventSuffix = ".json"
	wantSuffix  = ".want.json"
	// RESTSuffix ends the name of a case in the format of a REST API (payload
	// 1.0); its twin without it is the same request in that of an HTTP API (2.0).
	RESTSuffix = "-rest"
)

// Case is one saved event.
type Case struct {
	Function string
	Name     string // "ok", "ok-rest", "bad-token"
	Event    []byte // JSON, with placeholders
	Want     Want
}

// Want is a .want.json.
type Want struct {
	// Given lists the steps, of package given, that lead to the state that the
	// event meets, in order.
	Given []string `json:"given"`
	// Reply is what the function returns to Lambda, with matchers; a body that is
	// JSON is written as such, not as a text.
	Reply any `json:"reply"`
	// Then is what can be seen afterwards, if that is more than the reply.
	Then *Then `json:"then,omitempty"`
}

// Then is what is looked at after an event.
type Then struct {
	// Job has fields of what GET /jobs/{id} says of the first job; others are
	// not looked at.
	Job map[string]any `json:"job,omitempty"`
	// Listed are the ids that a list gives out; null: the case lists nothing.
	Listed []any `json:"listed,omitzero"`
}

// REST reports whether the case is in the format of a REST API.
func (c Case) REST() bool { return strings.HasSuffix(c.Name, RESTSuffix) }

// String names the case as its file.
func (c Case) String() string { return c.Function + "/" + c.Name }

// Functions lists the folders of an events directory.
func Functions(events fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(events, ".")
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Cases reads the cases of one function, by name. A file without its
// counterpart is an error, and so is anything else in the folder.
func Cases(events fs.FS, function string) ([]Case, error) {
	entries, err := fs.ReadDir(events, function)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	var cases []Case
	wants := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), wantSuffix) {
			wants++
			continue
		}
		name, isEvent := strings.CutSuffix(e.Name(), eventSuffix)
		if !isEvent {
			return nil, fmt.Errorf("events of %s: %s is neither an event nor what is wanted of one", function, e.Name())
		}
		c, err := Read(events, function, name)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	if wants != len(cases) {
		return nil, fmt.Errorf("events of %s: %d events, but %d %s files", function, len(cases), wants, wantSuffix)
	}
	return cases, nil
}

// All reads every case.
func All(events fs.FS) ([]Case, error) {
	functions, err := Functions(events)
	if err != nil {
		return nil, err
	}
	var all []Case
	for _, function := range functions {
		cases, err := Cases(events, function)
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, nil
}

// Read reads one case. The error for a missing case lists the existing ones.
func Read(events fs.FS, function, name string) (Case, error) {
	c := Case{Function: function, Name: name}
	var err error
	if c.Event, err = fs.ReadFile(events, path.Join(function, name+eventSuffix)); err != nil {
		return Case{}, fmt.Errorf("%w; %s", err, known(events, function))
	}
	if !json.Valid(c.Event) {
		return Case{}, fmt.Errorf("event %s: not JSON", c)
	}
	text, err := fs.ReadFile(events, path.Join(function, name+wantSuffix))
	if err != nil {
		return Case{}, fmt.Errorf("read what is wanted: %w", err)
	}
	if err := json.Unmarshal(text, &c.Want); err != nil {
		return Case{}, fmt.Errorf("what is wanted of %s: %w", c, err)
	}
	return c, nil
}

func known(events fs.FS, function string) string {
	found, err := fs.Glob(events, path.Join(function, "*"+eventSuffix))
	if err != nil || len(found) == 0 {
		functions, _ := Functions(events)
		return "functions with events: " + strings.Join(functions, ", ")
	}
	found = slices.DeleteFunc(found, func(f string) bool { return strings.HasSuffix(f, wantSuffix) })
	for i, f := range found {
		found[i] = strings.TrimSuffix(path.Base(f), eventSuffix)
	}
	return "events of " + function + ": " + strings.Join(found, ", ")
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// Fill puts values in the place of the event's ${placeholders}. One without a
// value is an error that names it.
func (c Case) Fill(values map[string]string) ([]byte, error) {
	var missing []error
	filled := placeholder.ReplaceAllFunc(c.Event, func(found []byte) []byte {
		name := string(placeholder.FindSubmatch(found)[1])
		value, known := values[name]
		if !known {
			missing = append(missing, fmt.Errorf("event %s: nothing given makes a %s", c, name))
		}
		return []byte(value)
	})
	return filled, errors.Join(missing...)
}
