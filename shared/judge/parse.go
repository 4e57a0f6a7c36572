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
		rawCases, fault := list(rawTask, tasks[i].Cases, path, "case")
		if fault != nil {
			return nil, fault
		}
		cases[i] = make([]Case, len(rawCases))
		for k, rawCase := range rawCases {
			if cases[i][k], fault = parseCase(rawCase); fault != nil {
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
	var counted []passed
	if err := json.Unmarshal(raw, &counted); err != nil || counted == nil {
		return nil, &Fault{path, "want a list of " + element + "s"}
	}
	if len(counted) != want {
		return nil, &Fault{path, fmt.Sprintf("want %d %ss, got %d", want, element, len(counted))}
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, &Fault{path, "want a list of " + element + "s"}
	}
	return elements, nil
}

// parseCase returns a Fault whose path starts at the case.
func parseCase(raw []byte) (Case, *Fault) {
	var in *struct {
		ExitCode    *int64  `json:"exitCode"`
		Status      *string `json:"status"`
		Stdout      *string `json:"stdout"`
		Stderr      *string `json:"stderr"`
		ExecTime    *int64  `json:"execTime"`
		MemoryUsage *int64  `json:"memoryUsage"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Case{}, &Fault{"." + wrong.Field, "want " + kind(wrong.Field) + ", got " + wrong.Value}
		}
		return Case{}, &Fault{"", "want an object"}
	}
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
