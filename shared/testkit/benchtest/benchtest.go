// Package benchtest is the suite that every adapter of dispatch.Benches passes.
package benchtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

// Run runs the suite; open makes empty benches.
func Run(t *testing.T, open func(t *testing.T) dispatch.Benches) {
	for name, test := range map[string]func(*suite){
		"a seat is taken off once":           (*suite).takeOnce,
		"a bench has room for 24":            (*suite).full,
		"a connection has one seat":          (*suite).oneSeat,
		"rung connections are remembered":    (*suite).rung,
		"the chain":                          (*suite).chain,
		"chains of other pools":              (*suite).chains,
		"a runner has one connection":        (*suite).listeners,
		"of many who take a seat one has it": (*suite).many,
	} {
		t.Run(name, func(t *testing.T) { test(&suite{t, t.Context(), open(t)}) })
	}
}

type suite struct {
	*testing.T
	ctx context.Context //nolint:containedctx // the suite is one test
	dispatch.Benches
}

// bench reads one; what is empty is nil.
func (s *suite) bench(n int) doorbell.Bench {
	s.Helper()
	list, err := s.Benches.Benches(s.ctx, n, n)
	if err != nil || len(list) != 1 {
		s.Fatal(list, err)
	}
	return tidy(list[0])
}

func tidy(b doorbell.Bench) doorbell.Bench {
	if len(b.Waiting) == 0 {
		b.Waiting = nil
	}
	if len(b.Rung) == 0 {
		b.Rung = nil
	}
	return b
}

func (s *suite) is(what string, want any, got any, err error) {
	s.Helper()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		s.Fatalf("%s: %v\n%s", what, err, diff)
	}
}

func (s *suite) sit(n int, connection string, seat int64) {
	s.Helper()
	now, sat, err := s.Sit(s.ctx, n, connection, seat)
	s.is("sit down", true, sat, err)
	s.is("the seat", seat, now.Waiting[connection], nil)
}

func (s *suite) takeOnce() {
	s.is("a new bench", doorbell.Bench{}, s.bench(0), nil)
	_, taken, err := s.Take(s.ctx, 0, "a", 7, 100, "")
	s.is("take off a bench that is not there", false, taken, err)
	s.sit(0, "a", 7)
	s.sit(0, "b=_-", 8)
	_, taken, err = s.Take(s.ctx, 0, "a", 6, 100, "")
	s.is("take another seat", false, taken, err)
	now, taken, err := s.Take(s.ctx, 0, "a", 7, 100, "")
	s.is("take", true, taken, err)
	want := doorbell.Bench{Waiting: map[string]int64{"b=_-": 8}, Rung: map[string]int64{"a": 100}}
	s.is("what comes back", want, tidy(now), nil)
	s.is("what is kept", want, s.bench(0), nil)
	now, taken, err = s.Take(s.ctx, 0, "a", 7, 101, "")
	s.is("take again", false, taken, err)
	s.is("what comes back of a refusal", want, tidy(now), nil)
	_, taken, err = s.Take(s.ctx, 0, "b=_-", 8, 0, "")
	s.is("leave", true, taken, err)
	s.is("who left was not rung", doorbell.Bench{Rung: map[string]int64{"a": 100}}, s.bench(0), nil)
}

func (s *suite) full() {
	for i := range doorbell.Seats {
		s.sit(3, fmt.Sprint("c", i), int64(i+1))
	}
	now, sat, err := s.Sit(s.ctx, 3, "late", 99)
	s.is("sit on a full bench", false, sat, err)
	s.is("what comes back", doorbell.Seats, len(now.Waiting), nil)
	s.sit(3, "c0", 100)
	s.is("a seat in place of one's own", doorbell.Seats, len(s.bench(3).Waiting), nil)
	s.is("another bench", doorbell.Bench{}, s.bench(2), nil)
}

func (s *suite) oneSeat() {
	s.sit(0, "a", 7)
	s.sit(0, "a", 9)
	s.is("the bench", doorbell.Bench{Waiting: map[string]int64{"a": 9}}, s.bench(0), nil)
}

func (s *suite) rung() {
	for i := range 2 {
		c := fmt.Sprint("c", i)
		s.sit(0, c, 7)
		_, taken, err := s.Take(s.ctx, 0, c, 7, int64(100+i), "")
		s.is("take", true, taken, err)
	}
	for _, step := range []struct {
		was, now int64
		done     bool
	}{{99, 200, false}, {100, 200, true}, {100, 300, false}, {200, 0, true}, {200, 0, false}} {
		done, err := s.Again(s.ctx, 0, "c0", step.was, step.now)
		s.is(fmt.Sprint("again ", step), step.done, done, err)
	}
	s.sit(0, "c2", 7)
	now, _, err := s.Take(s.ctx, 0, "c2", 7, 300, "c1")
	s.is("one is forgotten for another", map[string]int64{"c2": 300}, now.Rung, err)
	s.sit(0, "c2", 8)
	s.is("who sits down is not rung any more", doorbell.Bench{Waiting: map[string]int64{"c2": 8}}, s.bench(0), nil)
}

func (s *suite) chain() {
	done, err := s.Chain(s.ctx, 1, 2)
	s.is("from what is not so", false, done, err)
	done, err = s.Chain(s.ctx, 0, 2)
	s.is("open", true, done, err)
	done, err = s.Chain(s.ctx, 1, 3)
	s.is("from what was not so", false, done, err)
	s.sit(0, "a", 5)
	s.sit(2, "b", 6)
	s.is("the first bench", doorbell.Bench{Waiting: map[string]int64{"a": 5}, More: 2}, s.bench(0), nil)
	list, err := s.Benches.Benches(s.ctx, 1, doorbell.Benches-1)
	s.is("all but the first", doorbell.Benches-1, len(list), err)
	s.is("in their order", map[string]int64{"b": 6}, list[1].Waiting, nil)
	done, err = s.Chain(s.ctx, 2, 0)
	s.is("close", true, done, err)
	s.is("the first bench", 0, s.bench(0).More, nil)
}

func (s *suite) chains() {
	exam := &suite{s.T, s.ctx, s.Of("default,exam")}
	exam.sit(0, "a", 5)
	exam.sit(2, "b", 6)
	s.is("the default pool's", doorbell.Bench{}, s.bench(0), nil)
	again := &suite{s.T, s.ctx, s.Of("default,exam")}
	s.is("the same from elsewhere", map[string]int64{"a": 5}, again.bench(0).Waiting, nil)
	list, err := again.Benches.Benches(s.ctx, 1, 2)
	s.is("several", map[string]int64{"b": 6}, list[1].Waiting, err)
	one, two := map[string]bool{"default,exam": true}, map[string]bool{"default,exam": false, "default,x": true}
	for _, step := range []struct {
		was, now map[string]bool
		done     bool
	}{{two, one, false}, {nil, one, true}, {nil, two, false}, {one, two, true}, {one, nil, false}, {two, nil, true}, {nil, one, true}} {
		done, err := s.Beside(s.ctx, step.was, step.now)
		s.is(fmt.Sprint("beside ", step), step.done, done, err)
		if done && len(step.now) > 0 {
			s.is("beside", step.now, s.bench(0).Beside, nil)
		}
	}
	s.is("of others", 0, len(exam.bench(0).Beside), nil)
}

func (s *suite) listeners() {
	_, found, err := s.Listener(s.ctx, "judge-1")
	s.is("nobody listens", false, found, err)
	first := doorbell.Listener{Connection: "x=", Runner: "judge-1", Credential: "abc"}
	second := doorbell.Listener{Connection: "y", Runner: "judge-1", Credential: "def"}
	_, replaced, err := s.Join(s.ctx, first)
	s.is("join", false, replaced, err)
	before, replaced, err := s.Join(s.ctx, second)
	s.is("join anew", true, replaced, err)
	s.is("the one before", first, before, nil)
	gone, err := s.Part(s.ctx, first.Connection)
	s.is("its end", doorbell.Listener{}, gone, err)
	first.Chain = "exam"
	moved, err := s.Move(s.ctx, first)
	s.is("move a runner that has gone", false, moved, err)
	second.Chain = "default,exam"
	moved, err = s.Move(s.ctx, second)
	s.is("move", true, moved, err)
	got, found, err := s.Listener(s.ctx, "judge-1")
	s.is("who listens", true, found, err)
	s.is("who listens", second, got, nil)
	for _, want := range []doorbell.Listener{second, {}} {
		gone, err := s.Part(s.ctx, second.Connection)
		s.is("the end", want, gone, err)
	}
	_, found, err = s.Listener(s.ctx, "judge-1")
	s.is("nobody listens any more", false, found, err)
}

func (s *suite) many() {
	s.sit(0, "a", 7)
	var had atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			_, taken, err := s.Take(s.ctx, 0, "a", 7, int64(100+i), "")
			if err != nil {
				s.Error(err)
			}
			if taken {
				had.Add(1)
			}
		})
	}
	all.Wait()
	s.is("how many have it", int32(1), had.Load(), nil)
}
