package api

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/auth"
	"runlease/shared/job"
	"runlease/shared/jsoncursor"
	"runlease/shared/judge"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

const problemRule = "want an integer, 1 to 2147483647"

// validProblem reports whether n can name a problem.
func validProblem(n int64) bool { return n >= 1 && n <= math.MaxInt32 }

// validSHA256 reports whether s is a SHA-256 in lower-case hex.
func validSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// takeID checks the id in the path, if the route has one.
func (c *call) takeID(id string) *reply {
	switch {
	case !strings.Contains(c.route.Path, parameter):
		return nil
	case strings.HasPrefix(c.route.Path, "/problems/"):
		n, err := strconv.ParseInt(id, 10, 32)
		if err != nil || !validProblem(n) || strconv.FormatInt(n, 10) != id {
			return new(refuse(malformedID, problemRule))
		}
		c.number, c.entry.problem = int(n), int(n)
	case strings.HasPrefix(c.route.Path, "/ops/runners/"):
		if !auth.ValidName(id) {
			return new(refuse(malformedID, auth.NameRule))
		}
		c.id, c.entry.target = id, roster.RunnerTarget(id)
	case !job.ValidID(id):
		return new(refuse(malformedID, job.IDRule))
	case strings.HasPrefix(c.route.Path, "/ops/rejudges/"):
		c.id, c.entry.target = id, rejudge.Target(id)
	default:
		c.id, c.entry.jobID = id, id
	}
	return nil
}

// readBody reads the body up to the route's cap and leaves its fields in
// c.body; nil if there is no JSON value, or a null. That of a GET means nothing
// (RFC 9110, 9.3.1), whatever it is: there are clients that send an empty object
// with everything.
func (c *call) readBody() *reply {
	if c.Body == nil {
		return nil
	}
	limit := int64(c.route.Body)
	if c.ContentLength > limit {
		return tooLarge(limit)
	}
	var in bytes.Buffer
	in.Grow(int(max(c.ContentLength, 0)) + bytes.MinRead) // and room to see that this is the end
	_, err := in.ReadFrom(io.LimitReader(c.Body, limit+1))
	body := in.Bytes()
	switch {
	case int64(len(body)) > limit:
		return tooLarge(limit)
	case err != nil:
		return new(refuse(malformedJSON, "the body ends early"))
	case len(body) == 0 || c.route.Method == http.MethodGet:
		return nil
	}
	if fault := mediaFault(c.Header); fault != "" {
		return new(refuse(unsupportedMediaType, fault))
	}
	// A byte-order mark is no JSON, but there are clients that write one.
	body = bytes.Trim(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if len(body) == 0 || string(body) == "null" {
		return nil
	}
	fields, fault := readFields(body, "")
	switch {
	case fault == nil:
		fields.strict = c.route.Caller == Producer
		c.body = fields
		return nil
	case !jsontext.Value(body).IsValid(lenient):
		return new(refuse(malformedJSON))
	}
	return new(refuse(invalidBody, fault.Error()))
}

func tooLarge(limit int64) *reply {
	return new(refuse(bodyTooLarge, fmt.Sprintf("want at most %d bytes", limit)))
}

// lenient is how every body is read. Existing clients write what they cannot
// decode as lone surrogates, and of a name that is there twice the last one counts.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// mediaFault is what is wrong with how a body is declared; "" if it is JSON in
// UTF-8, and not compressed. Existing clients may declare nothing. A compressed
// body is refused everywhere: an HTTP API hands a JSON body to its function as a
// text, and a compressed one arrives broken.
func mediaFault(h http.Header) string {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Sprintf("its Content-Encoding is %.40q, send it as it is", encoding)
	}
	declared := h.Get("Content-Type")
	if declared == "" || declared == "application/json" {
		return ""
	}
	kind, params, err := mime.ParseMediaType(declared)
	if err != nil || kind != "application/json" {
		return fmt.Sprintf("its Content-Type is %.80q", declared)
	}
	switch charset := strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8":
		return ""
	default:
		return fmt.Sprintf("its charset is %.40q, want utf-8", charset)
	}
}

// fields is a JSON object whose fields are read one by one, by their exact
// names. Others are ignored in what a runner sends, so that a newer one can talk
// to an older server, and refused in what a producer sends, where a slip would
// publish a problem without its test data. The first that is not what was wanted is kept as
// the fault, and what is read after it does not matter.
type fields struct {
	path   string // of the object, with a dot behind it; "" for the body
	all    []field
	strict bool
	fault  *judge.Fault
}

type field struct {
	name string
	raw  jsontext.Value // a part of the body
}

// raw returns the value of a field, nil if it is missing.
func (f *fields) raw(name string) jsontext.Value {
	for _, field := range slices.Backward(f.all) { // of two the last one counts
		if field.name == name {
			return field.raw
		}
	}
	return nil
}

// only finds fault with a field of a strict object that is none of the known.
func (f *fields) only(known ...string) {
	if !f.strict {
		return
	}
	for _, field := range f.all {
		if slices.Contains(known, field.name) {
			continue
		}
		want := "there are none"
		if len(known) > 0 {
			want = "known are " + strings.Join(known, ", ")
		}
		f.fail(fmt.Sprintf("%.64s", field.name), "unknown field: "+want)
		return
	}
}

// usualFields is how many a request has at most, of those that come often.
const usualFields = 10

// readFields takes an object apart. A fault means that body is none, or no JSON
// at all.
func readFields(body []byte, path string) (*fields, *judge.Fault) {
	f := &fields{path: path, all: make([]field, 0, usualFields)}
	in := jsoncursor.New(body)
	defer in.Close()
	is := in.Enter('{')
	for is && in.More() {
		name, _ := in.Text()
		key := string(name)
		f.all = append(f.all, field{key, in.Value()})
	}
	if !is || !in.End() {
		where := strings.TrimSuffix(path, ".")
		if where == "" {
			where = "body"
		}
		return nil, &judge.Fault{Path: where, Why: "want an object"}
	}
	return f, nil
}

// has reports whether a field is there and not null.
func (f *fields) has(name string) bool {
	raw := f.raw(name)
	return raw != nil && string(raw) != "null"
}

// fail keeps the first fault.
func (f *fields) fail(name, why string) {
	if f.fault == nil {
		f.fault = &judge.Fault{Path: f.path + name, Why: why}
	}
}

// text reads a string; "" if it is missing.
func (f *fields) text(name string) string {
	s, is := jsoncursor.String(f.raw(name))
	if !is && f.has(name) {
		f.fail(name, "want a string")
	}
	return s
}

// integer reads a required integer within bounds.
func (f *fields) integer(name string, least, most int64) int64 {
	if !f.has(name) {
		f.fail(name, "missing")
		return 0
	}
	n, is := jsoncursor.Integer(f.raw(name))
	if !is || n < least || n > most {
		f.fail(name, fmt.Sprintf("want an integer, %d to %d", least, most))
	}
	return n
}

// anyInteger reads a required integer whose bounds are told where they are
// checked. What is far beyond any of them stays so.
func (f *fields) anyInteger(name string) int {
	if !f.has(name) {
		f.fail(name, "missing")
		return 0
	}
	n, is := jsoncursor.Integer(f.raw(name))
	if !is {
		f.fail(name, "want an integer")
	}
	return int(max(math.MinInt32, min(n, math.MaxInt32)))
}

// list reads a list of at most most values; a missing list has none.
func (f *fields) list(name string, most int) []jsontext.Value {
	if !f.has(name) {
		return nil
	}
	values, is := f.elements(name, most)
	switch {
	case !is:
		f.fail(name, "want a list")
	case len(values) > most:
		f.fail(name, fmt.Sprintf("want a list of at most %d", most))
	}
	return values
}

// elements are those of a list; false if it is none, or missing. It stops at the
// first that is too many, so that its cost is bounded.
func (f *fields) elements(name string, most int) (values []jsontext.Value, is bool) {
	in := jsoncursor.New(f.raw(name))
	defer in.Close()
	if !in.Enter('[') {
		return nil, false
	}
	for len(values) <= most && in.More() {
		values = append(values, in.Value())
	}
	return values, !in.Broken()
}

// object reads an object within; nil if it is missing or not one.
func (f *fields) object(name string) *fields {
	if !f.has(name) {
		return nil
	}
	inner, fault := readFields(f.raw(name), f.path+name+".")
	if fault != nil {
		f.fail(name, fault.Why)
		return nil
	}
	inner.strict = f.strict
	return inner
}

// artifact reads size and hash from f itself; the size is at most most bytes.
func (f *fields) artifact(most int64) job.Artifact {
	a := job.Artifact{SHA256: f.text("sha256"), Size: f.integer("size", 1, most)}
	if !validSHA256(a.SHA256) {
		f.fail("sha256", "want 64 lower-case hex digits")
	}
	return a
}

// artifactIn reads an optional field with a size and a hash.
func (f *fields) artifactIn(name string, most int64) job.Artifact {
	if !f.has(name) {
		return job.Artifact{}
	}
	inner := f.object(name)
	if inner == nil {
		return job.Artifact{}
	}
	inner.only("size", "sha256")
	a := inner.artifact(most)
	f.inherit(inner)
	return a
}

// inherit takes over the fault of an object within.
func (f *fields) inherit(inner *fields) {
	if f.fault == nil {
		f.fault = inner.fault
	}
}

// refusal is the reply to the fault, if there is one.
func (f *fields) refusal() *reply {
	if f.fault == nil {
		return nil
	}
	return new(refuse(invalidBody, f.fault.Error()))
}
