package memory_test

import (
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
