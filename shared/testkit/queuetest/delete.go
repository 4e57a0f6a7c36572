package queuetest

import (
	"slices"
	"testing"
	"time"

	"runlease/shared/dispatch"
)

// deleteOne: the clock alone would bring both back.
func deleteOne(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, long, message("a"))[0]
	s.delete(t, got.Handle)
	s.ring(t, message("b"))
	s.Pass(long + tick)
	s.due(t, later, message("b"))
}

func deleteMany(t *testing.T, s suite) {
	s.ring(t, messages(23)...)
	got := s.due(t, later, messages(23)...)
	var handles []string
	for _, m := range got {
		handles = append(handles, m.Handle)
	}
	s.delete(t, handles[:22]...)
	s.rest(t, got...)
	s.due(t, later, messages(23)[22])
}

func deleteNone(t *testing.T, s suite) {
	s.ring(t, message("a"))
	s.delete(t)
	s.due(t, later, message("a"))
}

func deleteTwice(t *testing.T, s suite) {
	s.ring(t, messages(2)...)
	got := s.due(t, later, messages(2)...)
	s.delete(t, got[0].Handle)
	s.delete(t, got[0].Handle, got[1].Handle)
	s.rest(t, got...)
	s.nothing(t)
}

func deleteOld(t *testing.T, s suite) {
	old, current := s.received(t, message("a"))
	s.delete(t, old.Handle)
	if !s.OldHandlesAct {
		s.hide(t, hiding(current, tick))
		s.Pass(tick)
		current = s.due(t, later, message("a"))[0]
	}
	s.delete(t, old.Handle, current.Handle)
	s.hide(t, hiding(current, tick))
	s.Pass(2 * tick)
	s.nothing(t)
}

func deleteUnknown(t *testing.T, s suite) {
	s.ring(t, message("a"))
	got := s.due(t, later, message("a"))[0]
	s.delete(t, append(slices.Clone(unknown), got.Handle)...)
	s.rest(t, got)
	s.nothing(t)
}

func visible(t *testing.T, s suite) {
	s.sees(t, dispatch.Depth{})
	s.ring(t, messages(3)...)
	s.sees(t, dispatch.Depth{Visible: 3})
	got := s.due(t, later, messages(3)...)
	s.sees(t, dispatch.Depth{Hidden: 3})
	s.delete(t, got[0].Handle)
	s.hide(t, hiding(got[1], tick), hiding(got[2], later))
	s.Pass(tick)
	s.sees(t, dispatch.Depth{Visible: 1, Hidden: 1})
}

// sees waits until the queue counts this many: in real time the numbers may lag.
func (s suite) sees(t *testing.T, want dispatch.Depth) {
	t.Helper()
	for patience := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got, err := s.Queue.Depth(t.Context())
		if err != nil {
			t.Fatalf("Depth: %v", err)
		}
		if got == want {
			return
		}
		if !s.RealTime || time.Now().After(patience) {
			t.Fatalf("Depth() = %v, want %v", got, want)
		}
	}
}

func foreign(t *testing.T, s suite) {
	bodies := []string{
		"hello",
		"null",
		"[]",
		"{}",
		`{"job":"a"}`,
		`{"bell":1}`,
		`{"job":"a","bell":0}`,
		`{"job":"a","bell":-1}`,
		`{"job":"a","bell":1.5}`,
		`{"job":"a","bell":"1"}`,
		`{"job":7,"bell":1}`,
		`{"job":"a b","bell":1}`,
		`{"job":"../a","bell":1}`,
		`{"job":"` + string(make65()) + `","bell":1}`,
		`{"job":"a","bell":1} {"job":"b","bell":1}`,
		`{"job":"a","bell":1`,
	}
	for _, body := range bodies {
		s.Foreign(body)
	}
	s.ring(t, message("a"))
	good := s.due(t, later, message("a"))[0]
	var buried []string
	for patience := time.Now().Add(30 * time.Second); len(buried) < len(bodies) && time.Now().Before(patience); {
		s.nothing(t)
		buried = append(buried, s.DeadLetters()...)
	}
	// Letters that are not deleted come back after a tick, and are buried again.
	s.Foreign("one more")
	bodies = append(bodies, "one more")
	for range 3 {
		if got := s.receive(t, 10, tick); len(got) > 0 {
			t.Errorf("got %v, want nothing", got)
		}
		s.Pass(2 * tick)
		buried = append(buried, s.DeadLetters()...)
	}
	slices.Sort(bodies)
	slices.Sort(buried)
	if !slices.Equal(bodies, buried) {
		t.Errorf("dead-lettered %q, want %q", buried, bodies)
	}
	s.rest(t, good)
	s.due(t, later, message("a"))
}

func make65() []byte { return slices.Repeat([]byte("x"), 65) }
