package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable writes text on which no terminal acts: some of it comes from runners and
// from authors of problems. Control characters except the end of a line, and
// characters that turn the direction of a text, are written as in a Go string.
type printable struct{ to io.Writer }

// Write is for io.Writer. It takes whole characters.
func (p printable) Write(text []byte) (int, error) {
	var out strings.Builder
	for rest := text; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, rest[0])
		case c == '\n', c == '\t', !acts(c):
			out.Write(rest[:n])
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
		rest = rest[n:]
	}
	if _, err := io.WriteString(p.to, out.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// acts reports whether a terminal acts on a character.
func acts(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }

// cell is a text in one line of a table.
func cell(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || c == '\v' || c == '\f' {
			return ' '
		}
		return c
	}, text)
}
