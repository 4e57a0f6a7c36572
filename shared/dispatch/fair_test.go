package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/job"
)

// noisy is a world in which three jobs of one group, class-0 to class-2, have come
// off the queue so often that the group is noisy, and are there again.
func noisy(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for i := range 3 {
		w.send(fmt.Sprint("class-", i), "class")
	}
	w.heard(11)
	return w
}

// send creates a job of a group, a millisecond after the one before.
func (w *world) send(id, group string) {
	w.t.Helper()
	w.pass(time.Millisecond)
	r := inline(id)
	r.Group = group
	_, answer, err := w.Create(w.ctx, r)
	w.granted(answer, err)
}

// heard lists what waits again and again, as clients without room do.
func (w *world) heard(times int) {
	w.t.Helper()
	for range times {
		if len(w.listed()) == 0 {
			w.t.Fatal("nothing is listed")
		}
		w.pass(3 * time.Second)
	}
}

func (w *world) lists(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.listed(), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("listed (-want +got):\n%s", diff)
	}
}

// TestQuietJobIsListedAlone: an existing client takes the oldest of a list
// first; a quiet group's job must not stand behind a noisy group's older ones.
func TestQuietJobIsListedAlone(t *testing.T) {
	w := noisy(t)
	w.send("quiet", "user-1")
	w.lists("quiet")
	// The others went back at once, for another runner.
	w.lists("class-0", "class-1", "class-2")
}

// TestQuietJobsOneByOne: a client may have room for one only.
func TestQuietJobsOneByOne(t *testing.T) {
	w := noisy(t)
	w.send("quiet-1", "user-1")
	w.send("quiet-2", "user-2")
	w.send("alone", "") // of no group: a tenant of one message
	w.lists("quiet-1")
	w.lists("quiet-2")
	w.lists("alone")
	w.lists("class-0", "class-1", "class-2")
}

// TestManyQuietJobs: once quiet groups have a quarter of all jobs together, one
// job a list would be too few.
func TestManyQuietJobs(t *testing.T) {
	w := noisy(t) // 33 have been heard
	w.lists("class-0", "class-1", "class-2")
	quiet := []string{}
	for i := range 11 {
		quiet = append(quiet, fmt.Sprint("quiet-", i))
		w.send(quiet[i], fmt.Sprint("user-", i))
	}
	w.lists("quiet-0") // 10 of 46
	w.pass(time.Millisecond)
	w.lists(quiet[1:]...) // 20 of 56
	for _, id := range quiet {
		w.granted2(w.Cancel(w.ctx, id))
	}
	w.pass(3 * time.Second)
	w.listed() // the spent messages, and the noisy group's
	w.pass(3 * time.Second)
	w.send("quiet-11", "user-11")
	w.send("quiet-12", "user-12")
	w.lists("quiet-11", "quiet-12")
	w.lists("class-0", "class-1", "class-2")
}

// TestQuietJobOnTop: the list is sorted by age and the quiet one is the oldest.
func TestQuietJobOnTop(t *testing.T) {
	w := newWorld(t)
	w.send("quiet", "user-1")
	w.claim("quiet", "a")
	for i := range 3 {
		w.send(fmt.Sprint("class-", i), "class")
	}
	w.heard(11)
	w.granted(w.Release(w.ctx, "quiet", "a", w.get("quiet").Claim.TokenHash, job.ReasonDrain, ""))
	w.lists("quiet", "class-0", "class-1", "class-2")
}

// TestNotNoisy: what is not much is not noisy, and neither is what has passed.
func TestNotNoisy(t *testing.T) {
	all := []string{"class-0", "class-1", "class-2", "quiet"}
	t.Run("few jobs", func(t *testing.T) {
		w := newWorld(t)
		for _, id := range all[:3] {
			w.send(id, "class")
		}
		w.heard(8) // with the list below 27
		w.send("quiet", "user-1")
		w.lists(all...)
	})
	t.Run("no less than others", func(t *testing.T) {
		w := newWorld(t)
		for _, id := range all[:3] {
			w.send(id, "class")
		}
		w.send("quiet", "user-1")
		w.heard(12) // 36 to 12
		w.lists(all...)
	})
	t.Run("jobs without a group", func(t *testing.T) {
		w := newWorld(t)
		for _, id := range all[:3] {
			w.send(id, "")
		}
		w.heard(11)
		w.send("quiet", "user-1")
		w.lists(all...)
	})
	t.Run("long ago", func(t *testing.T) {
		w := noisy(t)
		w.pass(time.Minute) // 33 count 16
		w.send("quiet", "user-1")
		w.lists(all...)
	})
	t.Run("it does not wait any more", func(t *testing.T) {
		for _, tc := range []struct {
			after time.Duration
			want  []string
		}{{9 * time.Second, []string{"quiet-1"}}, {11 * time.Second, []string{"quiet-1", "quiet-2"}}} {
			w := noisy(t)
			w.lists("class-0", "class-1", "class-2")
			for _, id := range all[:3] {
				w.granted2(w.Cancel(w.ctx, id))
			}
			w.pass(tc.after)
			w.send("quiet-1", "user-1")
			w.send("quiet-2", "user-2")
			w.lists(tc.want...)
		}
	})
}

// TestWhatCannotGoBack: the list is good anyway, and the other jobs come
// back by their own clock.
func TestWhatCannotGoBack(t *testing.T) {
	w := noisy(t)
	w.send("quiet", "user-1")
	w.queue.hideFails = true
	w.lists("quiet")
	w.queue.hideFails = false
	w.lists()
	w.pass(3 * time.Second)
	w.lists("quiet")
}
