// Package queuetest is the conformance suite of dispatch.Queue: every promise
// of the port as a named case. What a queue may do (lose, double, delay,
// reorder) the cases allow; what it must do they insist on.
package queuetest

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Harness is one empty queue and how to drive it.
type Harness struct {
	Queue dispatch.Queue
	// Now is the time of the queue's clock.
	Now func() time.Time
	// Pass lets so much of the queue's time go by: it moves a clock, or sleeps.
	Pass func(d time.Duration)
	// RealTime means that Pass sleeps. Then the suite keeps its times short,
	// polls for what is due, and leaves out the one case that takes 12 hours.
	RealTime bool
	// OldHandlesAct means that a handle from before the last receive may still
	// do what it did. SQS leaves this open ("might not be deleted"), and
	// emulators do it. It is never an error.
	OldHandlesAct bool
	// Foreign puts a body into the queue as it is, and DeadLetters takes the
	// bodies in the dead-letter queue. Both nil: the queue can hold nothing but
	// messages.
	Foreign     func(body string)
	DeadLetters func() []string
}

// Run runs the suite, each case on a new Harness, except for the cases that
// its kind of Harness rules out; make is called once more to learn which. The
// cases of a queue in real time run side by side; give them `-parallel 16`, they
// mostly sleep.
func Run(t *testing.T, make func(t *testing.T) Harness) {
	kind := make(t)
	for _, c := range cases {
		if c.long && kind.RealTime || c.foreign && kind.Foreign == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, suite{make(t)})
		})
	}
}

var cases = []struct {
	name    string
	run     func(*testing.T, suite)
	long    bool // needs hours
	foreign bool // needs Harness.Foreign
}{
	{name: "ring and receive/what is rung is received", run: rungIsReceived},
	{name: "ring and receive/the longest names and numbers", run: longestNames},
	{name: "ring and receive/a message without a group", run: noGroup},
	{name: "ring and receive/the same bell rung twice is two messages", run: rungTwice},
	{name: "ring and receive/an empty queue is no error", run: emptyQueue},
	{name: "ring and receive/at most limit at once, all in the end", run: atMostLimit},
	{name: "ring and receive/many at once lose nothing", run: manyAtOnce},
	{name: "clock/received is hidden, then back", run: unhurried(hiddenThenBack)},
	{name: "clock/back again and again, counted", run: countsReceives},
	{name: "clock/a part of a second hides for no less", run: unhurried(noLess)},
	{name: "hide/longer, from now", run: unhurried(hideLonger)},
	{name: "hide/shorter", run: hideShorter},
	{name: "hide/not any longer", run: hideNoLonger},
	{name: "hide/many, each for its own time", run: hideMany},
	{name: "hide/none", run: hideNone},
	{name: "hide/a deleted message's handle is passed over", run: hideDeleted},
	{name: "hide/an old handle is passed over", run: hideOld},
	{name: "hide/a handle that never was is passed over", run: hideUnknown},
	{name: "hide/beyond 12 hours means 12 hours", run: hideForDays},
	{name: "hide/for 12 hours and back", run: hideTwelveHours, long: true},
	{name: "delete/gone for good", run: deleteOne},
	{name: "delete/more than one batch", run: deleteMany},
	{name: "delete/none", run: deleteNone},
	{name: "delete/twice", run: deleteTwice},
	{name: "delete/an old handle is passed over", run: deleteOld},
	{name: "delete/a handle that never was is passed over", run: deleteUnknown},
	{name: "visible/counts what can be received", run: visible},
	{name: "foreign/what cannot be parsed is dead-lettered, the rest received", run: foreign, foreign: true},
}

// The times of the suite.
const (
	long  = 6 * time.Second  // leaves time to look before it is over
	later = 10 * time.Minute // of messages that must not come back in a case
	tick  = time.Second      // the grain of a queue's clock
)

type suite struct{ Harness }

func (s suite) ring(t *testing.T, messages ...job.Message) {
	t.Helper()
	for _, m := range messages {
		if err := s.Queue.Ring(t.Context(), m); err != nil {
			t.Fatalf("Ring(%v): %v", m, err)
		}
	}
}

func (s suite) receive(t *testing.T, limit int, hide time.Duration) []job.Received {
	t.Helper()
	got, err := s.Queue.Receive(t.Context(), limit, hide)
	if err != nil {
		t.Fatalf("Receive(%d, %v): %v", limit, hide, err)
	}
	if len(got) > limit {
		t.Fatalf("Receive(%d, %v) gave %d messages", limit, hide, len(got))
	}
	return got
}

// due receives the messages that must be there now, and no others, in any order.
func (s suite) due(t *testing.T, hide time.Duration, want ...job.Message) []job.Received {
	t.Helper()
	var got []job.Received
	for patience := time.Now().Add(15 * time.Second); len(got) < len(want); {
		more := s.receive(t, 10, hide)
		got = append(got, more...)
		if len(more) > 0 {
			continue
		}
		if !s.RealTime || time.Now().After(patience) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	order := func(a, b job.Received) int {
		return cmp.Or(strings.Compare(a.Job, b.Job), cmp.Compare(a.Bell, b.Bell))
	}
	slices.SortStableFunc(got, order)
	var messages []job.Message
	for _, r := range got {
		if r.Handle == "" {
			t.Errorf("message %v has no handle", r.Message)
		}
		messages = append(messages, r.Message)
	}
	if diff := gocmp.Diff(want, messages); diff != "" {
		t.Fatalf("messages that are due (-want +got):\n%s", diff)
	}
	// In real time any other hide may be over by now.
	if !s.RealTime || hide >= later {
		s.nothing(t)
	}
	return got
}

// nothing insists that nothing can be received now.
func (s suite) nothing(t *testing.T) {
	t.Helper()
	if got := s.receive(t, 10, later); len(got) > 0 {
		t.Fatalf("got %v, want nothing to be visible", got)
	}
}

// early looks for messages that are hidden until a time. It is a failure if one
// shows; but if the look ended later than that, it has shown nothing and early
// is false.
func (s suite) early(t *testing.T, until time.Time) bool {
	t.Helper()
	got := s.receive(t, 10, later)
	now := s.Now()
	if len(got) > 0 && now.Before(until) {
		t.Fatalf("got %v, hidden for another %v", got, until.Sub(now))
	}
	return len(got) == 0
}

// unhurried repeats a case on a machine that was too slow to look in time. A
// case leaves nothing behind that can be received soon.
func unhurried(run func(*testing.T, suite) bool) func(*testing.T, suite) {
	return func(t *testing.T, s suite) {
		for range 5 {
			if run(t, s) {
				return
			}
		}
		t.Fatal("this machine is too slow to look at a message while it is hidden")
	}
}

// rest lets messages come back soon: those of them that still can.
func (s suite) rest(t *testing.T, received ...job.Received) {
	t.Helper()
	var hidings []dispatch.Hiding
	for _, r := range received {
		hidings = append(hidings, hiding(r, tick))
	}
	s.hide(t, hidings...)
	s.Pass(2 * tick)
}

func (s suite) hide(t *testing.T, hidings ...dispatch.Hiding) {
	t.Helper()
	if err := s.Queue.Hide(t.Context(), hidings); err != nil {
		t.Fatalf("Hide: %v", err)
	}
}

func (s suite) delete(t *testing.T, handles ...string) {
	t.Helper()
	if err := s.Queue.Delete(t.Context(), handles); err != nil {
		t.Fatalf("Delete: %v", err)
	}
}

func message(id string) job.Message { return job.Message{Job: id, Bell: 1, Group: "contest-7"} }

// messages are n messages with ids in order.
func messages(n int) []job.Message {
	all := make([]job.Message, n)
	for i := range all {
		all[i] = message(string(rune('a' + i)))
	}
	return all
}
