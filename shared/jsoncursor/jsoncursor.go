// Package jsoncursor reads JSON in one pass and in place: what a reader does not
// ask for costs no memory, however much of it there is. The result of a job, the
// body of a request and the event of API Gateway are read with it.
//
// A Cursor stands before a value. Like every body here it is lenient where
// existing clients are: text that is not UTF-8 is replaced when it is decoded,
// and of a name that is there twice the reader sees both.
package jsoncursor

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Cursor moves through a body. After a syntax error it is Broken, and every
// method returns nothing.
type Cursor struct {
	in     jsontext.Decoder
	from   bytes.Buffer // body; in reads it in place
	body   []byte
	text   []byte // of the last string that had to be decoded
	broken bool
}

// unused are Cursors that were closed. Making one costs more than reading a short body.
var unused = sync.Pool{New: func() any { return new(Cursor) }}

// New returns a Cursor before the first value of body, which must not change.
func New(body []byte) *Cursor {
	c := unused.Get().(*Cursor)
	c.from, c.body, c.broken = *bytes.NewBuffer(body), body, false
	c.in.Reset(&c.from, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return c
}

// Close ends the use of c and of its last Text. What Value returned stays good.
func (c *Cursor) Close() {
	c.from, c.body = bytes.Buffer{}, nil
	unused.Put(c)
}

// Broken reports whether the body was seen to be no JSON.
func (c *Cursor) Broken() bool { return c.broken }

// End reports whether the body is JSON and nothing follows what was read.
func (c *Cursor) End() bool {
	_, err := c.in.ReadToken()
	return !c.broken && errors.Is(err, io.EOF)
}

// Kind returns the kind of the next value.
func (c *Cursor) Kind() jsontext.Kind { return c.in.PeekKind() }

// Value reads the next value whole. It is part of the body, and good as long as
// that is.
func (c *Cursor) Value() jsontext.Value {
	v, err := c.in.ReadValue()
	if err != nil {
		c.broken = true
		return nil
	}
	end := c.in.InputOffset()
	return c.body[end-int64(len(v)) : end : end]
}

// Text reads the next value if it is a string, and passes over any other; then
// is is false. The text is good until the next one is read.
func (c *Cursor) Text() (text []byte, is bool) {
	v := c.Value()
	if v.Kind() != '"' {
		return nil, false
	}
	if text, plain := asItStands(v); plain {
		return text, true
	}
	c.text, _ = jsontext.AppendUnquote(c.text[:0], v)
	return c.text, true
}

// String decodes a value that is a string; is is false for any other.
func String(v jsontext.Value) (s string, is bool) {
	if v.Kind() != '"' {
		return "", false
	}
	text, plain := asItStands(v)
	if !plain {
		text, _ = jsontext.AppendUnquote(nil, v)
	}
	return string(text), true
}

// asItStands returns what is between the quotes of a string, if it need not be decoded.
func asItStands(v jsontext.Value) (text []byte, plain bool) {
	return v[1 : len(v)-1], bytes.IndexByte(v, '\\') < 0 && utf8.Valid(v)
}

// Skip passes over the next value.
func (c *Cursor) Skip() {
	if c.in.SkipValue() != nil {
		c.broken = true
	}
}

// Enter goes into the next value if it is a list ('[') or an object ('{'), as
// open says, and passes over any other; then it returns false.
func (c *Cursor) Enter(open jsontext.Kind) bool {
	if c.in.PeekKind() != open {
		c.Skip()
		return false
	}
	_, err := c.in.ReadToken()
	c.broken = c.broken || err != nil
	return err == nil
}

// More reports whether the list or object that the Cursor is in goes on; if not,
// it leaves it. Of an object, the name of the next member comes first, as Text.
func (c *Cursor) More() bool {
	if c.broken {
		return false
	}
	if k := c.in.PeekKind(); k != ']' && k != '}' {
		return true
	}
	_, err := c.in.ReadToken()
	c.broken = err != nil
	return false
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
