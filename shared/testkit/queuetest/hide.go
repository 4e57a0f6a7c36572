package queuetest

import (
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

func hiding(m job.Received, d time.Duration) dispatch.Hiding {
	return dispatch.Hiding{Handle: m.Handle, For: d}
}

func hideLonger(t *testing.T, s suite) bool {
	s.ring(t, message("a"))
	got := s.due(t, long, message("a"))[0]
	s.Pass(tick)
	until := s.Now().Add(long)
	s.hide(t, hiding(got, long))
	// From now, not from its receive, and not in addition to what was left.
	s.Pass(long - tick)
	if !s.early(t, until) {
		return false
	}
	s.Pass(tick)
	s.due(t, later, message("a"))
	return true
}

func hideShorter(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, later, message("a"))[0]
	s.hide(t, hiding(got, tick))
	s.Pass(tick)
	s.due(t, later, message("a"))
}

func hideNoLonger(t *testing.T, s suite) {
	s.ring(t, messages(2)...)
	got := s.due(t, later, messages(2)...)
	s.hide(t, hiding(got[0], 0), hiding(got[1], 0))
	s.due(t, later, messages(2)...)
}

func hideMany(t *testing.T, s suite) {
	s.ring(t, messages(12)...)
	got := s.due(t, later, messages(12)...)
	var hidings []dispatch.Hiding
	var soon, late []job.Message
	var hidden []job.Received
	for i, m := range got {
		if i%2 == 0 {
			soon = append(soon, m.Message)
			hidings = append(hidings, hiding(m, tick))
		} else {
			late = append(late, m.Message)
			hidden = append(hidden, m)
			hidings = append(hidings, hiding(m, later))
		}
	}
	s.hide(t, hidings...)
	s.Pass(tick)
	s.due(t, later, soon...)
	s.rest(t, hidden...)
	s.due(t, later, late...)
}

func hideNone(t *testing.T, s suite) {
	s.ring(t, message("a"))
	s.hide(t)
	s.due(t, later, message("a"))
}

func hideDeleted(t *testing.T, s suite) {
	s.ring(t, messages(2)...)
	got := s.due(t, later, messages(2)...)
	s.delete(t, got[0].Handle)
	// The dead handle comes first and must not keep the good one from its due.
	s.hide(t, hiding(got[0], tick), hiding(got[1], tick))
	s.Pass(2 * tick)
	s.due(t, later, message("b"))
}

// received gives a message out, lets it come back, and gives it out again.
func (s suite) received(t *testing.T, m job.Message) (old, current job.Received) {
	t.Helper()
	s.ring(t, m)
	old = s.due(t, tick, m)[0]
	s.Pass(tick)
	current = s.due(t, later, m)[0]
	if old.Handle == current.Handle {
		t.Fatalf("two receives gave the same handle")
	}
	return old, current
}

func hideOld(t *testing.T, s suite) {
	old, current := s.received(t, message("a"))
	s.hide(t, hiding(old, tick))
	if !s.OldHandlesAct {
		s.Pass(2 * tick)
		s.nothing(t)
	}
	s.hide(t, hiding(old, later), hiding(current, tick))
	s.Pass(2 * tick)
	s.due(t, later, message("a"))
}

// unknown are handles that no receive has given out.
var unknown = []string{"x", "9-9", strings.Repeat("AQEB", 105)}

func hideUnknown(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, later, message("a"))[0]
	var hidings []dispatch.Hiding
	for _, handle := range unknown {
		hidings = append(hidings, dispatch.Hiding{Handle: handle, For: tick})
	}
	s.hide(t, append(hidings, hiding(got, tick))...)
	s.Pass(tick)
	s.due(t, later, message("a"))
}

func hideForDays(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, later, message("a"))[0]
	s.hide(t, hiding(got, 72*time.Hour))
	s.nothing(t)
	// It was not a reason to lose sight of the message.
	s.hide(t, hiding(got, tick))
	s.Pass(tick)
	s.due(t, later, message("a"))
}

func hideTwelveHours(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, later, message("a"))[0]
	s.hide(t, hiding(got, 72*time.Hour))
	s.Pass(12*time.Hour - tick)
	s.nothing(t)
	s.Pass(tick)
	s.due(t, later, message("a"))
}
