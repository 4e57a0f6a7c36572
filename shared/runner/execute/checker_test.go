package execute

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"runlease/shared/judging"
)

func TestCheckers(t *testing.T) {
	long := strings.Repeat("7", 5000)
	exact, tokens := judging.Checker{Kind: judging.Exact}, judging.Checker{Kind: judging.Tokens}
	abs, rel := judging.Checker{Kind: judging.Floats, Abs: 1e-3}, judging.Checker{Kind: judging.Floats, Rel: 1e-3}
	for _, c := range []struct {
		name      string
		checker   judging.Checker
		want, got string
		equal     bool
	}{
		{"lines: blanks at the end of a line", judging.Checker{}, "1 2\n", "1 2  \n\n", true},
		{"lines: blanks within", judging.Checker{}, "1 2\n", "1  2\n", false},

		{"exact: the same", exact, "1 2\n", "1 2\n", true},
		{"exact: a blank more", exact, "1 2\n", "1 2 \n", false},
		{"exact: no line end", exact, "1 2\n", "1 2", false},
		{"exact: more", exact, "1 2", "1 2\n", false},
		{"exact: nothing", exact, "", "", true},

		{"tokens: any blanks", tokens, "1 2\n3\n", "\t1\r\n 2\v3", true},
		{"tokens: one less", tokens, "1 2 3", "1 2", false},
		{"tokens: one more", tokens, "1 2", "1 2 3", false},
		{"tokens: joined", tokens, "1 23", "12 3", false},
		{"tokens: the beginning of one", tokens, "12", "1", false},
		{"tokens: blanks only", tokens, " \n", "", true},
		{"tokens: something instead of nothing", tokens, "", "x", false},
		{"tokens: numbers are words", tokens, "1.0", "1", false},

		{"abs: within", abs, "1.000\n2", "1.0009 2.0", true},
		{"abs: at the bound", abs, "0", "1e-3", true},
		{"abs: beyond", abs, "1", "1.0011", false},
		{"abs: large numbers do not differ more", abs, "1e6", "1000001", false},
		{"rel: large numbers differ more", rel, "1e6", "1000001", true},
		{"rel: beyond", rel, "1000", "1001.1", false},
		{"rel: of nothing", rel, "0", "1e-9", false},
		{"rel: negative", rel, "-1000", "-1000.5", true},
		{"floats: words are compared as they are", abs, "YES 1", "YES 1.0001", true},
		{"floats: other words", abs, "YES 1", "yes 1", false},
		{"floats: a word for a number", abs, "1", "one", false},
		{"floats: not a number", abs, "0", "nan", false},
		{"floats: the same word nan", abs, "nan", "nan", true},
		{"floats: without end", abs, "1", "inf", false},
		{"floats: too large for a number", abs, "1e308", "1e309", false},
		{"floats: hexadecimal is a word", abs, "16", "0x10", false},
		{"floats: one less", abs, "1 2", "1", false},
		{"floats: one more", abs, "1", "1 2", false},
		{"floats: blanks at the end", abs, "1 2 \n\n", "1\n2\n\n\n", true},
		{"floats: nothing", abs, "\n", "", true},
		{"floats: long tokens are words", abs, long, long, true},
		{"floats: long tokens that differ at the end", abs, long + "1", long + "2", false},
		{"floats: a long one for a short one", abs, long[:1024], long, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, part := range []int{1, 3, 1 << 20} {
				checker := NewChecker(c.checker, iotest.HalfReader(strings.NewReader(c.want)))
				for rest := c.got; rest != ""; {
					n := min(part, len(rest))
					if _, err := io.WriteString(checker, rest[:n]); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
				}
				if equal, err := checker.Equal(); equal != c.equal || err != nil {
					t.Errorf("by parts of %d: %v, %v; want %v", part, equal, err, c.equal)
				}
			}
		})
	}
}

// What cannot be read is the runner's fault, whatever was written.
func TestCheckerWhoseAnswerCannotBeRead(t *testing.T) {
	broken := errors.New("broken disk")
	for _, kind := range []judging.Kind{judging.Lines, judging.Exact, judging.Tokens, judging.Floats} {
		checker := NewChecker(judging.Checker{Kind: kind, Abs: 1}, io.MultiReader(strings.NewReader("1 "), iotest.ErrReader(broken)))
		_, _ = io.WriteString(checker, "1 2 3")
		if equal, err := checker.Equal(); equal || !errors.Is(err, broken) {
			t.Errorf("%q: %v, %v", kind, equal, err)
		}
	}
}
