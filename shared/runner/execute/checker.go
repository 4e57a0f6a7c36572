package execute

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strconv"

	"runlease/shared/judging"
)

// Checker compares what a program writes, as it comes, with the expected output.
// A Write never fails.
type Checker interface {
	io.Writer
	// Equal reports whether what was written is a right answer. An error is that
	// of reading the expected output.
	Equal() (bool, error)
}

// NewChecker makes the checker of a problem for one case. All of them take
// little memory, however long lines and tokens are.
func NewChecker(c judging.Checker, want io.Reader) Checker {
	switch c.Kind {
	case judging.Exact:
		return &Comparison{want: want, expect: exactForm{}, got: exactForm{}}
	case judging.Tokens:
		return &Comparison{want: want, expect: &tokenForm{}, got: &tokenForm{}}
	case judging.Floats:
		return &floats{abs: c.Abs, rel: c.Rel, want: bufio.NewReaderSize(want, 32<<10)}
	case judging.Lines:
		return Compare(want)
	case judging.Program, judging.Interactor: // which do not compare
	}
	return unknown(c.Kind)
}

// unknown is a kind of checker that this runner does not know. It must not judge
// by another.
type unknown judging.Kind

func (unknown) Write(p []byte) (int, error) { return len(p), nil }

func (u unknown) Equal() (bool, error) {
	return false, fmt.Errorf("unknown kind of checker %.40q", string(u))
}

// exactForm is a text as it is.
type exactForm struct{}

func (exactForm) feed(p []byte, emit func([]byte)) { emit(p) }

func (exactForm) rest(func([]byte)) {}

// isSpace reports whether a byte stands between tokens, as C's isspace has it.
func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// tokenForm is a text with a line end between its tokens and nothing else.
type tokenForm struct{ inside, began bool }

func (f *tokenForm) feed(p []byte, emit func([]byte)) {
	for len(p) > 0 {
		n := 0
		for n < len(p) && !isSpace(p[n]) {
			n++
		}
		if n == 0 {
			f.inside = false
			p = p[1:]
			continue
		}
		if !f.inside && f.began {
			emit(newlines[:1])
		}
		f.inside, f.began = true, true
		emit(p[:n])
		p = p[n:]
	}
}

func (*tokenForm) rest(func([]byte)) {}

// token is what stands between blanks. Of a long one, the rest is kept as a
// hash: it is no number.
type token struct {
	text []byte
	long hash.Hash
}

// longestNumber is how many bytes a token may have that is taken for a number.
const longestNumber = 1 << 10

func (t *token) add(p []byte) {
	n := min(len(p), longestNumber-len(t.text))
	t.text = append(t.text, p[:n]...)
	if n < len(p) {
		if t.long == nil {
			t.long = sha256.New()
		}
		_, _ = t.long.Write(p[n:])
	}
}

func (t *token) reset() { t.text, t.long = t.text[:0], nil }

func (t *token) same(u *token) bool {
	if !bytes.Equal(t.text, u.text) || (t.long == nil) != (u.long == nil) {
		return false
	}
	return t.long == nil || bytes.Equal(t.long.Sum(nil), u.long.Sum(nil))
}

// number reads a decimal number; infinities and the like are none.
func (t *token) number() (float64, bool) {
	if t.long != nil || len(bytes.Trim(t.text, "0123456789+-.eE")) > 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(t.text), 64)
	return n, err == nil && !math.IsInf(n, 0)
}

// floats compares token by token; two numbers may differ by abs, or by rel of
// the expected one.
type floats struct {
	abs, rel float64
	want     *bufio.Reader
	expected token
	got      token
	differs  bool
	err      error
}

func (f *floats) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !f.differs && f.err == nil; {
		n := 0
		for n < len(rest) && !isSpace(rest[n]) {
			n++
		}
		f.got.add(rest[:n])
		if n < len(rest) {
			f.check()
			n++
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// check compares the token that has ended, if there is one, with the next that
// is expected.
func (f *floats) check() {
	if len(f.got.text) == 0 || f.differs || f.err != nil {
		return
	}
	f.differs = !f.next() || !f.near()
	f.got.reset()
}

func (f *floats) near() bool {
	if f.expected.same(&f.got) {
		return true
	}
	want, isNumber := f.expected.number()
	got, alsoNumber := f.got.number()
	if !isNumber || !alsoNumber {
		return false
	}
	off := math.Abs(want - got)
	return off <= f.abs || off <= f.rel*math.Abs(want)
}

// next reads the next expected token; it returns false if there is none.
func (f *floats) next() bool {
	f.expected.reset()
	for {
		b, err := f.want.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return len(f.expected.text) > 0
		case err != nil:
			f.err = fmt.Errorf("read expected output: %w", err)
			return false
		case !isSpace(b):
			f.expected.add([]byte{b})
		case len(f.expected.text) > 0:
			return true
		}
	}
}

func (f *floats) Equal() (bool, error) {
	f.check()
	return !f.differs && f.err == nil && !f.next() && f.err == nil, f.err
}
