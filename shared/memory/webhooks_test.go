package memory_test

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/announce"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// TestLettersAreForgotten: a dead one two weeks after it was given up, one that was not tried
// since its endpoint is gone two weeks after its three days, and the folder hears of it.
func TestLettersAreForgotten(t *testing.T) {
	c := newClock()
	var gone []string
	w := memory.NewWebhooks(c.now, func(name string, l *memory.KeptLetter) {
		if l == nil {
			gone = append(gone, name)
		}
	})
	e := announce.Endpoint{ID: "wh_1"}
	for _, id := range []string{"dead", "stray"} {
		if err := w.Add(t.Context(), announce.LettersFor(job.Job{ID: id}, []announce.Endpoint{e}, c.now())); err != nil {
			t.Fatal(err)
		}
		if id == "dead" {
			held, err := w.Due(t.Context())
			if err != nil || len(held) != 1 || w.Bury(t.Context(), held[0]) != nil {
				t.Fatal(held, err)
			}
		}
	}
	for _, day := range []struct{ more, left int }{{14, 0}, {1, 1}, {2, 1}, {1, 2}} {
		c.pass(time.Duration(day.more) * 24 * time.Hour)
		if w.Forget(); len(gone) != day.left {
			t.Errorf("forgotten: %v, want %d", gone, day.left)
		}
	}
}

// TestAReceiverThatIsAway: the letters that wait for it are bounded, and so are dead ones.
// A letter that finds no room is counted, and delivery makes room again.
func TestAReceiverThatIsAway(t *testing.T) {
	c := newClock()
	w := memory.NewWebhooks(c.now, nil)
	e := announce.NewEndpoint("https://judge.example.com", c.now())
	if put, err := w.PutEndpoint(t.Context(), e); err != nil || !put {
		t.Fatal(put, err)
	}
	end := func(id string) int {
		letters := w.Final(job.Job{ID: id})
		if err := w.Add(t.Context(), letters); err != nil {
			t.Fatal(err)
		}
		return len(letters)
	}
	for i := range memory.MostWaiting {
		if end(fmt.Sprint("j", i)) != 1 {
			t.Fatalf("job %d finds no room", i)
		}
	}
	if end("more") != 0 || w.Dropped()[e.ID] != 1 || len(w.Dropped()) != 0 {
		t.Error("there is no bound, or it is not told of")
	}
	delivered, err := w.Due(t.Context())
	if err != nil || w.Remove(t.Context(), delivered[0]) != nil || end("one") != 1 || end("another") != 0 || w.Dropped()[e.ID] != 1 {
		t.Error("what is delivered makes no room for one")
	}
	c.pass(announce.HoldFor)
	buried := 0
	for {
		held, err := w.Due(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == 0 {
			break
		}
		for _, h := range held {
			do := w.Bury
			if buried++; buried > memory.MostDead+1 {
				do = w.Remove
			}
			if err := do(t.Context(), h); err != nil {
				t.Fatal(err)
			}
		}
	}
	dead, err := w.Dead(t.Context())
	if err != nil || len(dead) != memory.MostDead || w.Dropped()[e.ID] != 1 {
		t.Errorf("%d dead, %v", len(dead), err)
	}
	if sent, err := w.SendBack(t.Context(), e.ID); err != nil || sent != memory.MostDead {
		t.Errorf("%d sent back, %v", sent, err)
	}
	// Its operator gives it up: nobody is woken for what still waits.
	if removed, err := w.RemoveEndpoint(t.Context(), e.ID); err != nil || !removed || w.NextDue() < time.Minute {
		t.Errorf("removed: %v, %v; the next is due in %v", removed, err, w.NextDue())
	}
}
