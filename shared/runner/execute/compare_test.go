package execute

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// plainly compares as the documentation of Comparison has it, all in memory.
func plainly(text string) string {
	for _, end := range []string{"\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"} {
		text = strings.ReplaceAll(text, end, "\n")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, "\t \x1f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestComparisonInParts(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"a", "b", " ", "\t", "\n", "\r", "\v", "\x1c", "\x1f", "\u0085", "\u00a0", "\u2028", "\u3000", "\u200b", "é", "中", "\xe2", "\x80", "\xc2", "\xa8",
		strings.Repeat("a", 300), strings.Repeat(" ", 1500), strings.Repeat("\u00a0", 700),
	})
	rapid.Check(t, func(t *rapid.T) {
		want := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "want"), "")
		got := want
		if rapid.Bool().Draw(t, "other") {
			got = strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "got"), "")
		}
		got += strings.Join(rapid.SliceOfN(part, 0, 2).Draw(t, "behind"), "")
		var from io.Reader = strings.NewReader(want)
		if rapid.Bool().Draw(t, "slow") {
			from = iotest.OneByteReader(from)
		}
		c := Compare(from)
		for rest := got; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 400).Draw(t, "bytes"))
			_, _ = c.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		equal, err := c.Equal()
		if err != nil {
			t.Fatal(err)
		}
		if same := plainly(want) == plainly(got); equal != same {
			t.Errorf("%q and %q: got %v, want %v", want, got, equal, same)
		}
	})
}

// What is held back goes on where outputs stop to be the same.
func TestComparisonGoesOn(t *testing.T) {
	for _, tc := range []struct {
		want, got, more string
		equal           bool
	}{
		{"a\rb", "a\r", "\nb", true},
		{"a \u00a0", "a \xc2", "\xa0\n", true},
		{"a  b", "a ", "b", false},
		{"a\n b", "a\n", "\n b", false},
	} {
		c := Compare(strings.NewReader(tc.want))
		_, _ = c.Write([]byte(tc.got))
		_, _ = c.Write([]byte(tc.more))
		if equal, err := c.Equal(); err != nil || equal != tc.equal {
			t.Errorf("%q and %q, %q: got %v, %v", tc.want, tc.got, tc.more, equal, err)
		}
	}
}
