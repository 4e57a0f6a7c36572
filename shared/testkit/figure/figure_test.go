package figure_test

import (
	"encoding/json"
	"testing"

	"runlease/shared/testkit/figure"
)

func TestBudgets(t *testing.T) {
	for _, tc := range []struct {
		name       string
		f          figure.Figure
		ok, failed bool
	}{
		{"at most, met", figure.AtMost("a", 5, "units", 5), true, false},
		{"at most, missed", figure.AtMost("a", 5.01, "units", 5), false, true},
		{"at least, met", figure.AtLeast("a", 5, "units", 5), true, false},
		{"at least, missed", figure.AtLeast("a", 4.9, "units", 5), false, true},
		{"stated", figure.Stated("a", 1e9, "units"), true, false},
		{"known, no worse", figure.AtMost("a", 6, "units", 5).KnownMiss(6, "why"), false, false},
		{"known, worse", figure.AtMost("a", 6.1, "units", 5).KnownMiss(6, "why"), false, true},
		{"known, but met", figure.AtMost("a", 4, "units", 5).KnownMiss(6, "why"), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.f.OK != tc.ok || tc.f.Failed() != tc.failed {
				t.Errorf("got ok %v, failed %v; want %v, %v", tc.f.OK, tc.f.Failed(), tc.ok, tc.failed)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	got, err := json.Marshal([]figure.Figure{
		figure.AtMost("a", 6, "units", 5).KnownMiss(6, "why"),
		figure.Stated("b", 1, "bytes"),
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"name":"a","value":6,"unit":"units","budget":5,"ok":false,"note":"why"},{"name":"b","value":1,"unit":"bytes","budget":null,"ok":true}]`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
