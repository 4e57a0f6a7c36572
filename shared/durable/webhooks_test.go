package durable_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"runlease/shared/announce"
	"runlease/shared/job"
)

// TestLettersSurviveAKill: the letters of a job are on the disk with it, what became
// of them follows, and an endpoint comes back as it was.
func TestLettersSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	hooks, err := db.Webhooks()
	check(t, err)
	e := announce.NewEndpoint("https://judge.example.com", time.UnixMilli(1_800_000_000_000)).Rotated(time.UnixMilli(1_800_000_000_001))
	for revision := range int64(2) {
		e.Revision = revision + 1
		if put, err := hooks.PutEndpoint(t.Context(), e); err != nil || !put {
			t.Fatal(put, err)
		}
	}
	if put, err := hooks.PutEndpoint(t.Context(), e); err != nil || put {
		t.Errorf("written over a newer one: %v, %v", put, err)
	}
	store := db.Store()
	end := func(id string) {
		j := job.CreateOp{Now: 1, ID: id}.New()
		j.Revision = 1
		_, _, err := store.Create(t.Context(), j)
		check(t, err)
		after, _ := job.CancelOp{Now: 2}.Apply(j)
		after.Revision = 2
		if _, saved, err := store.Save(t.Context(), j, after); err != nil || !saved {
			t.Fatal(saved, err)
		}
	}
	for _, id := range []string{"delivered", "failed", "dead", "new"} {
		end(id)
	}
	held, err := hooks.Due(t.Context())
	check(t, err)
	if len(held) != 4 || held[0].Endpoint != e.ID {
		t.Fatalf("due %v", held)
	}
	for _, h := range held {
		switch h.Job {
		case "delivered":
			check(t, hooks.Remove(t.Context(), h))
		case "failed":
			check(t, hooks.Later(t.Context(), h, time.Hour))
		case "dead":
			h.Failure = "the endpoint answers 500"
			check(t, hooks.Bury(t.Context(), h))
		}
	}
	end("last") // what is owed goes with it
	db = opened(t, copied(t, dir))
	if hooks, err = db.Webhooks(); err != nil {
		t.Fatal(err)
	}
	if got, err := hooks.Endpoints(t.Context()); err != nil || len(got) != 1 || got[0] != e {
		t.Errorf("endpoints %+v, %v, want %+v", got, err, e)
	}
	held, err = hooks.Due(t.Context())
	check(t, err)
	due := map[string]bool{}
	for _, h := range held {
		due[h.Job] = true
	}
	// What was given out and not decided is due again.
	if len(due) != 2 || !due["new"] || !due["last"] {
		t.Errorf("due %v", due)
	}
	if wait := hooks.NextDue(); wait > announce.HoldFor {
		t.Errorf("next due in %v", wait)
	}
	dead, err := hooks.Dead(t.Context())
	if err != nil || len(dead) != 1 || dead[0].Job != "dead" || dead[0].Failure == "" {
		t.Errorf("dead %v, %v", dead, err)
	}
	if removed, err := hooks.RemoveEndpoint(t.Context(), e.ID); err != nil || !removed {
		t.Error(removed, err)
	}
}

// copied is a folder as a kill would leave it now.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"state.db", "journal.0", "journal.1"} {
		state, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, name), state, 0o600))
	}
	return to
}
