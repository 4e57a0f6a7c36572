// Package integers reads the JSON of others. Where all numbers are
// floating-point, programs write 12.0 or 1e2 for an integer; RFC 8259 has only
// one kind of number, and the API takes these as well.
package integers

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// Unmarshal is json.Unmarshal, but takes a number without a fraction as an
// integer however it is written, as far as it is exact, to 2^53.
func Unmarshal(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return json.Unmarshal(rewrite(data), into)
	}
	return err
}

// rewrite writes every such number of a JSON text as an integer.
func rewrite(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		start := i
		switch c := data[i]; {
		case c == '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			i = min(i+1, len(data))
		case c == '-' || c >= '0' && c <= '9':
			for i < len(data) && partOfNumber(data[i]) {
				i++
			}
			f, err := strconv.ParseFloat(string(data[start:i]), 64)
			if err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
				out = strconv.AppendInt(out, int64(f), 10)
				continue
			}
		default:
			i++
		}
		out = append(out, data[start:i]...)
	}
	return out
}

func partOfNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}
