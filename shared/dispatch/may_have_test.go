package dispatch_test

import (
	"slices"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// TestWhoGaveAJobBackIsPassedOver: by list, claim and sync, and others are not.
func TestWhoGaveAJobBackIsPassedOver(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "broken")
	w.granted(w.Release(w.ctx, "j", "broken", auth.Hash(c.Token), job.ReasonInfraError, "disk full"))
	if got := w.get("j").Past[0].Detail; got != "disk full" {
		t.Errorf("detail %q", got)
	}
	listed := func(runner string) bool {
		t.Helper()
		l, _, err := w.List(w.ctx, job.Candidate{Runner: runner}, 10)
		must(t, err)
		return slices.ContainsFunc(l.Jobs, func(j job.Job) bool { return j.ID == "j" })
	}
	synced := func(runner string) int {
		t.Helper()
		s, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: runner, Slots: 1})
		w.granted(answer, err)
		return len(s.Jobs)
	}
	if listed("broken") {
		t.Error("the runner is shown the job again at once")
	}
	w.pass(3 * time.Second)
	if synced("broken") > 0 {
		t.Error("the runner is given the job again at once")
	}
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "broken"})
	w.refused(job.PassedOver, answer, err)
	// The message was not kept from the others for longer than a list takes.
	w.pass(3 * time.Second)
	if !listed("sound") {
		t.Error("the others do not see the job")
	}
	// A lone runner gets it in the end.
	w.pass(24 * time.Second)
	if synced("broken") != 1 {
		t.Error("a lone runner waits in vain")
	}
}
