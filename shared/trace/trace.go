// Package trace holds W3C's trace context: the header traceparent, by which the lines
// that several programs log about one thing are found together.
// https://www.w3.org/TR/trace-context/
//
// Our clients send the trace of the job that a request is about. It follows from the
// job's id, so backend, runner and API name the same one, and it is not stored.
// A server takes the trace that comes and makes none: no other program would know it, and a
// request has an id already.
package trace

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Header is the name of the header.
const Header = "Traceparent"

// Parent is the trace that a request belongs to. The zero Parent is none.
type Parent struct {
	Trace string // 32 lower-case hex digits
	Span  string // 16: the sender's part of the trace
}

// length is that of a header of version 00; later ones may be longer.
const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-00")

// Parse reads the value of the header; false: it is none, and must be ignored.
func Parse(value string) (Parent, bool) {
	if len(value) < length || len(value) > length && (value[:2] == "00" || value[length] != '-') {
		return Parent{}, false
	}
	version, trace, span, flags := value[:2], value[3:35], value[36:52], value[53:length]
	for _, part := range []string{version, trace, span, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return Parent{}, false
		}
	}
	if value[2] != '-' || value[35] != '-' || value[52] != '-' || version == "ff" || strings.Trim(trace, "0") == "" || strings.Trim(span, "0") == "" {
		return Parent{}, false
	}
	return Parent{trace, span}, true
}

// String is the value of the header; "" of the zero Parent. It does not ask
// receivers to record anything.
func (p Parent) String() string {
	if p.Trace == "" {
		return ""
	}
	return "00-" + p.Trace + "-" + p.Span + "-00"
}

// OfJob begins a part of the trace of a job.
func OfJob(id string) Parent {
	sum := sha256.Sum256([]byte("runlease job " + id))
	var span [8]byte
	rand.Read(span[:]) // never fails
	span[7] |= 1       // zero means none
	return Parent{hex.EncodeToString(sum[:16]), hex.EncodeToString(span[:])}
}

type key struct{}

// With has requests and log lines of ctx belong to p.
func With(ctx context.Context, p Parent) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns what ctx belongs to; the zero Parent: nothing.
func From(ctx context.Context) Parent {
	p, _ := ctx.Value(key{}).(Parent)
	return p
}
