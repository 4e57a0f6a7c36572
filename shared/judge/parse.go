package judge

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/jsoncursor"
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
// every field of a case required but the reason, others ignored. The lists must have the shape
// of tasks. It reads body once and keeps nothing of what is too much, so that a
// body of a million empty lists costs no more than that. The caller bounds the
// size. A *Fault names the first place that is wrong; a wrong number of
// elements comes before what is wrong in them.
func Parse(tasks []Task, body []byte) ([][]Case, error) {
	p := parser{jsoncursor.New(body)}
	defer p.Close()
	all := make([][]Case, len(tasks))
	fault := p.list("task", len(tasks), func(i int) *Fault {
		all[i] = make([]Case, tasks[i].Cases)
		return p.list("case", tasks[i].Cases, func(k int) *Fault { return p.read(&all[i][k]) })
	})
	if !p.End() {
		fault = &Fault{Why: "want a list of tasks"}
	}
	if fault != nil {
		fault.Path = "tasks" + fault.Path
		return nil, fault
	}
	return all, nil
}

// parser reads a result. The paths of its faults begin where it reads.
type parser struct{ *jsoncursor.Cursor }

// list reads a list of want elements. Behind a fault they are only counted.
func (p parser) list(element string, want int, read func(i int) *Fault) (fault *Fault) {
	if !p.Enter('[') {
		return &Fault{"", "want a list of " + element + "s"}
	}
	n := 0
	for ; p.More(); n++ {
		if n >= want || fault != nil {
			p.Skip()
		} else if fault = read(n); fault != nil {
			fault.Path = "[" + strconv.Itoa(n) + "]" + fault.Path
		}
	}
	if n != want {
		return &Fault{"", fmt.Sprintf("want %d %ss, got %d", want, element, n)}
	}
	return fault
}

// The fields of a case, in the order in which they are looked at.
const (
	exitCode = iota
	status
	stdout
	stderr
	execTime
	memoryUsage
	required
	reason = required
	fields = required + 1
)

var fieldNames = [fields]string{"exitCode", "status", "stdout", "stderr", "execTime", "memoryUsage", "reason"}

// read reads a case. A field of the wrong type is reported before a missing one, and
// that before one out of range.
func (p parser) read(c *Case) (fault *Fault) {
	if !p.Enter('{') {
		return &Fault{"", "want an object"}
	}
	var there [fields]bool
	var exit int64
	known, said := false, "" // the status, and what it is if it is not known
	for p.More() {
		name, _ := p.Text()
		field := fieldOf(name)
		if field == fields || fault != nil {
			p.Skip()
			continue
		}
		there[field] = p.Kind() != 'n'
		switch {
		case !there[field]:
			p.Skip()
		case field == status || field == stdout || field == stderr || field == reason:
			var text []byte
			if text, fault = p.string(field); fault != nil {
				continue
			}
			switch field {
			case status:
				if c.Status, known = ParseStatus(string(text)); !known {
					said = string(text)
				}
			case stdout:
				c.Stdout = string(text)
			case stderr:
				c.Stderr = string(text)
			case reason:
				c.Reason = string(text)
			}
		case field == exitCode:
			exit, fault = p.integer(field)
		case field == execTime:
			c.ExecTime, fault = p.integer(field)
		case field == memoryUsage:
			c.MemoryUsage, fault = p.integer(field)
		}
	}
	if fault != nil {
		return fault
	}
	for field, is := range there[:required] {
		if !is {
			return &Fault{"." + fieldNames[field], "missing"}
		}
	}
	c.ExitCode = int(exit)
	switch {
	case exit < math.MinInt32 || exit > math.MaxUint32: // Windows has no sign
		return &Fault{".exitCode", "out of range"}
	case !known:
		return &Fault{".status", fmt.Sprintf("unknown status %.20q", said)}
	case c.ExecTime < -1 || c.ExecTime > math.MaxInt32:
		return &Fault{".execTime", "want milliseconds, or -1 for unknown"}
	case c.MemoryUsage < -1 || c.MemoryUsage > math.MaxInt32*int64(1024):
		return &Fault{".memoryUsage", "want KB, or -1 for unknown"}
	case utf8.RuneCountInString(c.Reason) > MaxReason:
		return &Fault{".reason", fmt.Sprintf("want at most %d characters", MaxReason)}
	}
	return nil
}

// fieldOf is the field of a name, or fields for an unknown name.
func fieldOf(name []byte) int {
	for i, field := range fieldNames {
		if field == string(name) {
			return i
		}
	}
	return fields
}

// string reads a string, good until the next one is read.
func (p parser) string(field int) ([]byte, *Fault) {
	kind := p.Kind()
	text, is := p.Text()
	if !is {
		return nil, wrongType(field, "a string", kind)
	}
	return text, nil
}

func (p parser) integer(field int) (int64, *Fault) {
	v := p.Value()
	n, is := jsoncursor.Integer(v)
	switch {
	case is:
		return n, nil
	case v.Kind() == '0':
		return 0, &Fault{"." + fieldNames[field], fmt.Sprintf("want an integer, got number %.40s", string(v))}
	}
	return 0, wrongType(field, "an integer", v.Kind())
}

func wrongType(field int, want string, got jsontext.Kind) *Fault {
	kind := map[jsontext.Kind]string{'"': "string", '0': "number", 't': "bool", 'f': "bool", '{': "object", '[': "array"}[got]
	return &Fault{"." + fieldNames[field], "want " + want + ", got " + kind}
}
