package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Fault is the first thing wrong with a result: where, as a JSON path into the
// body, and what.
type Fault struct {
	Path string
	Why  string
}

// Error reads `tasks[0][1].status: unknown status "OK"`.
func (f *Fault) Error() string { return f.Path + ": " + f.Why }

// Parse reads the `tasks` of a result: a list per task of a list of cases,
// every field of a case required. The lists must have the shape of tasks: that
// is looked at before anything is kept, so that a body of a million empty lists
// costs no more than reading it. The caller bounds the size. A *Fault names the
// first place that is wrong.
func Parse(tasks []Task, body []byte) ([][]Case, error) {
	rawTasks, fault := list(body, len(tasks), "tasks", "task")
	if fault != nil {
		return nil, fault
	}
	cases := make([][]Case, len(tasks))
	for i, rawTask := range rawTasks {
		path := fmt.Sprintf("tasks[%d]", i)
		if fault := counted(rawTask, tasks[i].Cases, path, "case"); fault != nil {
			return nil, fault
		}
		cases[i] = make([]Case, tasks[i].Cases)
		// All cases of a task at once; one by one only to find which is wrong.
		var all []*caseFields
		if json.Unmarshal(rawTask, &all) != nil {
			all = nil
		}
		var rawCases []json.RawMessage
		if all == nil {
			if rawCases, fault = elements(rawTask, path, "case"); fault != nil {
				return nil, fault
			}
		}
		for k := range cases[i] {
			if all != nil {
				cases[i][k], fault = all[k].read()
			} else {
				cases[i][k], fault = parseCase(rawCases[k])
			}
			if fault != nil {
				fault.Path = fmt.Sprintf("%s[%d]", path, k) + fault.Path
				return nil, fault
			}
		}
	}
	return cases, nil
}

// passed is an element of a list that is counted and not kept.
type passed struct{}

// UnmarshalJSON is for package json, which has checked the syntax.
func (*passed) UnmarshalJSON([]byte) error { return nil }

// list reads a list of want elements without reading the elements.
func list(raw []byte, want int, path, element string) ([]json.RawMessage, *Fault) {
	if fault := counted(raw, want, path, element); fault != nil {
		return nil, fault
	}
	return elements(raw, path, element)
}

// counted checks that raw is a list of want elements, and keeps none of them.
func counted(raw []byte, want int, path, element string) *Fault {
	var list []passed
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return &Fault{path, "want a list of " + element + "s"}
	}
	if len(list) != want {
		return &Fault{path, fmt.Sprintf("want %d %ss, got %d", want, element, len(list))}
	}
	return nil
}

func elements(raw []byte, path, element string) ([]json.RawMessage, *Fault) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, &Fault{path, "want a list of " + element + "s"}
	}
	return list, nil
}

// caseFields is a case as it is sent; a field that is missing is nil.
type caseFields struct {
	ExitCode    *int64  `json:"exitCode"`
	Status      *string `json:"status"`
	Stdout      *string `json:"stdout"`
	Stderr      *string `json:"stderr"`
	ExecTime    *int64  `json:"execTime"`
	MemoryUsage *int64  `json:"memoryUsage"`
}

// parseCase returns a Fault whose path starts at the case.
func parseCase(raw []byte) (Case, *Fault) {
	var in *caseFields
	if err := json.Unmarshal(raw, &in); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Case{}, &Fault{"." + wrong.Field, "want " + kind(wrong.Field) + ", got " + wrong.Value}
		}
		return Case{}, &Fault{"", "want an object"}
	}
	return in.read()
}

// read checks the fields; nil is not an object.
func (in *caseFields) read() (Case, *Fault) {
	if in == nil {
		return Case{}, &Fault{"", "want an object"}
	}
	for _, field := range []struct {
		name    string
		missing bool
	}{
		{"exitCode", in.ExitCode == nil},
		{"status", in.Status == nil},
		{"stdout", in.Stdout == nil},
		{"stderr", in.Stderr == nil},
		{"execTime", in.ExecTime == nil},
		{"memoryUsage", in.MemoryUsage == nil},
	} {
		if field.missing {
			return Case{}, &Fault{"." + field.name, "missing"}
		}
	}
	status, known := ParseStatus(*in.Status)
	switch {
	case *in.ExitCode < math.MinInt32 || *in.ExitCode > math.MaxInt32:
		return Case{}, &Fault{".exitCode", "out of range"}
	case !known:
		return Case{}, &Fault{".status", fmt.Sprintf("unknown status %.20q", *in.Status)}
	case *in.ExecTime < -1 || *in.ExecTime > math.MaxInt32:
		return Case{}, &Fault{".execTime", "want milliseconds, or -1 for unknown"}
	case *in.MemoryUsage < -1 || *in.MemoryUsage > math.MaxInt32*int64(1024):
		return Case{}, &Fault{".memoryUsage", "want KB, or -1 for unknown"}
	}
	return Case{int(*in.ExitCode), status, *in.Stdout, *in.Stderr, *in.ExecTime, *in.MemoryUsage}, nil
}

func kind(field string) string {
	switch field {
	case "status", "stdout", "stderr":
		return "a string"
	}
	return "an integer"
}
