package judge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
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
	// Texts are kept as they come: what cannot be decoded is replaced.
	p := &parser{text: make([]byte, 0, 256), in: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))}
	all := make([][]Case, len(tasks))
	fault := p.list("task", len(tasks), func(i int) *Fault {
		all[i] = make([]Case, tasks[i].Cases)
		return p.list("case", tasks[i].Cases, func(k int) *Fault { return p.read(&all[i][k]) })
	})
	if _, err := p.in.ReadToken(); p.broken || !errors.Is(err, io.EOF) {
		fault = &Fault{Why: "want a list of tasks"}
	}
	if fault != nil {
		fault.Path = "tasks" + fault.Path
		return nil, fault
	}
	return all, nil
}

// parser reads a result. The paths of its faults begin where it reads.
type parser struct {
	in     *jsontext.Decoder
	broken bool   // this is no JSON
	text   []byte // the last text that was read; the next one overwrites it
}

// value reads the next value whole. It is good until the next one is read.
func (p *parser) value() jsontext.Value {
	v, err := p.in.ReadValue()
	p.broken = p.broken || err != nil
	return v
}

func (p *parser) skip() {
	err := p.in.SkipValue()
	p.broken = p.broken || err != nil
}

// enter goes into a list or an object; false: there is another value, which is
// passed over.
func (p *parser) enter(open jsontext.Kind) bool {
	if p.in.PeekKind() != open {
		p.skip()
		return false
	}
	_, err := p.in.ReadToken()
	return err == nil
}

// more says whether there is another element or member; if not, it leaves the
// list or the object.
func (p *parser) more(end jsontext.Kind) bool {
	if p.broken {
		return false
	}
	if p.in.PeekKind() != end {
		return true
	}
	_, err := p.in.ReadToken()
	p.broken = err != nil
	return false
}

// list reads a list of want elements. Behind a fault they are only counted.
func (p *parser) list(element string, want int, read func(i int) *Fault) (fault *Fault) {
	if !p.enter('[') {
		return &Fault{"", "want a list of " + element + "s"}
	}
	n := 0
	for ; p.more(']'); n++ {
		if n >= want || fault != nil {
			p.skip()
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

// read reads a case. A field of the wrong type comes before one that is
// missing, and that before one that is out of range.
func (p *parser) read(c *Case) (fault *Fault) {
	if !p.enter('{') {
		return &Fault{"", "want an object"}
	}
	var there [fields]bool
	var exit int64
	known, said := false, "" // the status, and what it is if it is not known
	for p.more('}') {
		p.text, _ = jsontext.AppendUnquote(p.text[:0], p.value())
		field := fieldOf(p.text)
		if field == fields || fault != nil {
			p.skip()
			continue
		}
		there[field] = p.in.PeekKind() != 'n'
		switch {
		case !there[field]:
			p.skip()
		case field == status || field == stdout || field == stderr || field == reason:
			if fault = p.string(field); fault != nil {
				continue
			}
			switch field {
			case status:
				if c.Status, known = ParseStatus(string(p.text)); !known {
					said = string(p.text)
				}
			case stdout:
				c.Stdout = string(p.text)
			case stderr:
				c.Stderr = string(p.text)
			case reason:
				c.Reason = string(p.text)
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

// fieldOf is the field of a name; fields: none of ours.
func fieldOf(name []byte) int {
	for i, field := range fieldNames {
		if field == string(name) {
			return i
		}
	}
	return fields
}

// string leaves a string in p.text.
func (p *parser) string(field int) *Fault {
	v := p.value()
	if v.Kind() != '"' {
		return wrongType(field, "a string", v)
	}
	p.text, _ = jsontext.AppendUnquote(p.text[:0], v)
	return nil
}

func (p *parser) integer(field int) (int64, *Fault) {
	v := p.value()
	n, is := Integer(v)
	if !is {
		return 0, wrongType(field, "an integer", v)
	}
	return n, nil
}

// Integer reads a JSON number that has no fraction; where all numbers are
// floating-point, clients write 12.0 or 1e2. Those are taken as far as they are
// exact, to 2^53 (RFC 8259, 6).
func Integer(v jsontext.Value) (n int64, is bool) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

func wrongType(field int, want string, got jsontext.Value) *Fault {
	kind := map[jsontext.Kind]string{'"': "string", '0': "number", 't': "bool", 'f': "bool", '{': "object", '[': "array"}[got.Kind()]
	if kind == "number" && want != "a string" {
		kind += fmt.Sprintf(" %.40s", string(got))
	}
	return &Fault{"." + fieldNames[field], "want " + want + ", got " + kind}
}
