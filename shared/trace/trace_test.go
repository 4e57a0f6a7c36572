package trace

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for value, want := range map[string]bool{
		"00-" + trace + "-" + span + "-01":                    true,
		"cc-" + trace + "-" + span + "-00":                    true,
		"cc-" + trace + "-" + span + "-01-what-may-come":      true,
		"cc-" + trace + "-" + span + "-01what-may-come":       false,
		"00-" + trace + "-" + span + "-01-more":               false,
		"00-" + trace + "-" + span + "-01," + "00-" + trace:   false, // the header twice
		"ff-" + trace + "-" + span + "-01":                    false,
		"00-" + strings.ToUpper(trace) + "-" + span + "-01":   false,
		"00-" + trace[:31] + "\n-" + span + "-01":             false,
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01":  false,
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01": false,
		"00-" + trace + "-" + span + "-0g":                    false,
		"00_" + trace + "-" + span + "-01":                    false,
		"00-" + trace + "_" + span + "-01":                    false,
		"00-" + trace + "-" + span + "_01":                    false,
		"00-" + trace + "-" + span:                            false,
		"":                                                    false,
	} {
		p, ok := Parse(value)
		if ok != want || ok && (p != Parent{trace, span}) {
			t.Errorf("%q: %v, %v", value, p, ok)
		}
	}
}

// TestAJobHasOneTrace: each request is a part of it.
func TestAJobHasOneTrace(t *testing.T) {
	a, again, b := OfJob("a"), OfJob("a"), OfJob("b")
	if a.Trace != again.Trace || a.Span == again.Span || a.Trace == b.Trace {
		t.Errorf("%v %v %v", a, again, b)
	}
	if read, ok := Parse(a.String()); !ok || read != a {
		t.Errorf("%s reads as %v", a, read)
	}
	if got := From(With(t.Context(), a)); got != a || From(t.Context()).String() != "" {
		t.Errorf("in a context %v", got)
	}
}
