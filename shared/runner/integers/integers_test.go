package integers

import (
	"testing"
)

func TestIntegersHoweverWritten(t *testing.T) {
	for text, want := range map[string]struct {
		n    int
		text string
		fail bool
	}{
		`{"n": 12}`:                       {n: 12},
		`{"n": 12.0}`:                     {n: 12},
		`{"n": -1e2}`:                     {n: -100},
		`{"n": 12.50}`:                    {fail: true},
		`{"n": 1e300}`:                    {fail: true},
		`{"n": "12"}`:                     {fail: true},
		`{"t": "1.0 \\\" 2.0", "n": 3.0}`: {n: 3, text: `1.0 \" 2.0`},
	} {
		var got struct {
			N int    `json:"n"`
			T string `json:"t"`
		}
		err := Unmarshal([]byte(text), &got)
		if (err != nil) != want.fail || !want.fail && (got.N != want.n || got.T != want.text) {
			t.Errorf("%s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}
