package queuetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/job"
)

func rungIsReceived(t *testing.T, s suite) {
	// SQS's own clock sets SentAt: a second to either side.
	from := job.At(s.Now().Add(-tick))
	m := job.Message{Job: "s-1", Bell: 3, Group: "user-9"}
	s.ring(t, m)
	to := job.At(s.Now().Add(tick))
	got := s.due(t, later, m)[0]
	if got.Receives != 1 {
		t.Errorf("receives = %d, want 1", got.Receives)
	}
	if got.SentAt < from || got.SentAt > to {
		t.Errorf("sent at %v, want between %v and %v", got.SentAt.Std(), from.Std(), to.Std())
	}
}

func longestNames(t *testing.T, s suite) {
	m := job.Message{Job: strings.Repeat("x-_9", 16), Bell: 1<<53 + 1, Group: strings.Repeat("Z_-0", 16)}
	s.ring(t, m)
	s.due(t, later, m)
}

func noGroup(t *testing.T, s suite) {
	m := job.Message{Job: "a", Bell: 1}
	s.ring(t, m)
	s.due(t, later, m)
}

func rungTwice(t *testing.T, s suite) {
	s.ring(t, message("a"), message("a"))
	got := s.due(t, later, message("a"), message("a"))
	if got[0].Handle == got[1].Handle {
		t.Fatalf("two messages with one handle")
	}
	// They are two: one can go and the other stays.
	s.delete(t, got[0].Handle)
	s.rest(t, got...)
	s.due(t, later, message("a"))
}

func emptyQueue(t *testing.T, s suite) { s.nothing(t) }

func atMostLimit(t *testing.T, s suite) {
	want := messages(13)
	s.ring(t, want...)
	seen := make(map[string]bool)
	for _, limit := range []int{1, 4, 3} {
		got := s.receive(t, limit, later)
		if len(got) == 0 {
			t.Fatalf("Receive(%d) gave nothing of %d messages", limit, len(want)-len(seen))
		}
		for _, r := range got {
			seen[r.Job] = true
		}
	}
	var left []job.Message
	for _, m := range want {
		if !seen[m.Job] {
			left = append(left, m)
		}
	}
	s.due(t, later, left...)
}

func manyAtOnce(t *testing.T, s suite) {
	const rings, receivers = 24, 4
	want := messages(rings)
	var wait sync.WaitGroup
	for i := range receivers {
		wait.Go(func() {
			for k := i; k < rings; k += receivers {
				if err := s.Queue.Ring(t.Context(), want[k]); err != nil {
					t.Errorf("Ring: %v", err)
				}
			}
		})
	}
	var mu sync.Mutex
	seen := make(map[string]bool)
	enough := func(got []job.Received) bool {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range got {
			seen[r.Job] = true
		}
		return len(seen) == rings
	}
	for range receivers {
		wait.Go(func() {
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
				got, err := s.Queue.Receive(t.Context(), 3, later)
				if err != nil {
					t.Errorf("Receive: %v", err)
					return
				}
				handles := make([]string, len(got))
				for i, r := range got {
					handles[i] = r.Handle
				}
				if err := s.Queue.Delete(t.Context(), handles); err != nil {
					t.Errorf("Delete: %v", err)
				}
				if enough(got) {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wait.Wait()
	if len(seen) != rings {
		t.Fatalf("received %d of %d messages", len(seen), rings)
	}
	s.nothing(t)
}

func hiddenThenBack(t *testing.T, s suite) bool {
	s.ring(t, message("a"))
	until := s.Now().Add(long)
	first := s.due(t, long, message("a"))[0]
	s.Pass(long - 4*tick)
	if !s.early(t, until) {
		return false
	}
	s.Pass(4 * tick)
	again := s.due(t, later, message("a"))[0]
	if again.SentAt != first.SentAt {
		t.Errorf("sent at %v, then at %v", first.SentAt.Std(), again.SentAt.Std())
	}
	if again.Receives != 2 {
		t.Errorf("receives = %d, want 2", again.Receives)
	}
	// The handle of the last receive is a good one.
	s.rest(t, again)
	again = s.due(t, later, message("a"))[0]
	s.delete(t, again.Handle)
	s.rest(t, again)
	s.nothing(t)
	return true
}

func countsReceives(t *testing.T, s suite) {
	s.ring(t, message("a"))
	for n := 1; n <= 4; n++ {
		if got := s.due(t, tick, message("a"))[0]; got.Receives != n {
			t.Fatalf("receives = %d, want %d", got.Receives, n)
		}
		s.Pass(tick)
	}
}

// noLess: a queue that counts in whole seconds rounds up.
func noLess(t *testing.T, s suite) bool {
	const odd = 4900 * time.Millisecond
	s.ring(t, message("a"))
	began := s.Now()
	s.due(t, odd, message("a"))
	s.Pass(odd - tick/2 - s.Now().Sub(began))
	if !s.early(t, began.Add(odd)) {
		return false
	}
	s.Pass(tick)
	s.due(t, later, message("a"))
	return true
}
