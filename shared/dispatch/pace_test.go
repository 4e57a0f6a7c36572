package dispatch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"runlease/shared/dispatch"
)

// TestIdleFleet lets idle runners poll as they are told, on a virtual clock: up
// to 60 of them poll once a second in all, a larger fleet once a minute each.
func TestIdleFleet(t *testing.T) {
	for _, tc := range []struct {
		runners   int
		perSecond float64
	}{
		{1, 1}, {5, 1}, {60, 1}, {200, 200.0 / 60},
	} {
		t.Run(fmt.Sprint(tc.runners, " runners"), func(t *testing.T) {
			w := newWorld(t)
			begin := w.clock
			random := rand.New(rand.NewPCG(1, uint64(tc.runners)))
			// They all start within a second, and come up to a tenth early or late.
			due := make([]time.Time, tc.runners)
			for i := range due {
				due[i] = begin.Add(time.Duration(random.Int64N(int64(time.Second))))
			}
			const settled, end = 3 * time.Minute, 13 * time.Minute
			polls, first := 0, 0
			for {
				next := 0
				for i := range due {
					if due[i].Before(due[next]) {
						next = i
					}
				}
				w.clock = due[next]
				if w.clock.Sub(begin) > end {
					break
				}
				s := w.sync(dispatch.SyncRequest{Runner: fmt.Sprintf("r%d", next), Slots: 1})
				wait := time.Duration(s.PollSeconds) * time.Second
				due[next] = w.clock.Add(wait*9/10 + time.Duration(random.Int64N(int64(wait)/5+1)))
				switch at := w.clock.Sub(begin); {
				case at < settled:
					first++
				default:
					polls++
				}
			}
			got := float64(polls) / (end - settled).Seconds()
			if got < 0.9*tc.perSecond || got > 1.1*tc.perSecond {
				t.Errorf("%.2f polls a second, want %.2f", got, tc.perSecond)
			}
			// Until they are known they poll more often, but not for long: each
			// once, and half of the fleet once more.
			if most := 1.1*tc.perSecond*settled.Seconds() + 2*float64(tc.runners); float64(first) > most {
				t.Errorf("%d polls in the first %s, want at most %.0f", first, settled, most)
			}
		})
	}
}

func TestPaceFollowsTheFleet(t *testing.T) {
	w := newWorld(t)
	idle := func(name string) int {
		return w.sync(dispatch.SyncRequest{Runner: name, Slots: 1}).PollSeconds
	}
	for i := range 10 {
		for range 2 { // a runner that is heard twice is one
			if got := idle(fmt.Sprintf("r%d", i)); got != i+1 {
				t.Errorf("%d s with %d runners", got, i+1)
			}
		}
	}
	w.pass(2 * time.Minute)
	if got := idle("r0"); got != 10 {
		t.Errorf("%d s after two minutes, want 10", got)
	}
	w.pass(time.Millisecond)
	if got := idle("r0"); got != 1 {
		t.Errorf("%d s of the last that is left", got)
	}
	for i := range 10_000 {
		if got := idle(fmt.Sprintf("many-%d", i)); got > 60 || got < min(i+2, 60) {
			t.Fatalf("%d s with %d runners", got, i+2)
		}
	}
	if n := dispatch.Present(w.Dispatcher); n < 60 || n > 100 {
		t.Errorf("%d runners are remembered", n)
	}
	w.pass(-time.Hour) // a clock that is set back
	if got := idle("r0"); got != 60 {
		t.Errorf("%d s after the clock was set back", got)
	}
	w.Pace.Longest = 7 * time.Second
	if got := idle("r0"); got != 7 {
		t.Errorf("%d s, where 7 are the longest", got)
	}
}

// TestPollAgainWhileThereIsMore is about what a runner hears when it found
// something.
func TestPollAgainWhileThereIsMore(t *testing.T) {
	w := newWorld(t)
	for i := range 30 { // a fleet
		w.sync(dispatch.SyncRequest{Runner: fmt.Sprintf("r%d", i)})
	}
	sync := func(slots int) (jobs, seconds int) {
		s := w.sync(dispatch.SyncRequest{Runner: "r0", Slots: slots})
		return len(s.Jobs), s.PollSeconds
	}
	for i := range 3 {
		w.create(fmt.Sprintf("j%d", i))
	}
	if jobs, seconds := sync(2); jobs != 2 || seconds != 0 {
		t.Errorf("%d jobs, then %d s: the queue gave all that was asked for", jobs, seconds)
	}
	if jobs, seconds := sync(2); jobs != 1 || seconds != 30 {
		t.Errorf("%d jobs, then %d s: the queue gave less than was asked for", jobs, seconds)
	}
	// Messages of cancelled jobs do not hide the job behind them.
	for i := range 2 {
		id := fmt.Sprintf("gone%d", i)
		w.create(id)
		w.granted2(w.Cancel(w.ctx, id))
	}
	w.create("behind")
	if jobs, _ := sync(1); jobs != 1 {
		t.Error("the job behind two spent messages was not claimed")
	}
	for i := range 4 {
		id := fmt.Sprintf("more%d", i)
		w.create(id)
		w.granted2(w.Cancel(w.ctx, id))
	}
	if jobs, seconds := sync(1); jobs != 0 || seconds != 1 {
		t.Errorf("%d jobs, then %d s, after three spent messages; there is more", jobs, seconds)
	}
}
