package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// journal notes, in order, what a use case does at its ports. before, if it is
// set, runs before each call and may break it.
type journal struct {
	dispatch.Store
	dispatch.Queue
	dispatch.Objects
	calls  []string
	before func(call string) error
}

// watch puts a journal between a world and its ports.
func (w *world) watch() *journal {
	j := &journal{Store: w.Store, Queue: w.Queue, Objects: w.Objects}
	w.Store, w.Queue, w.Objects = j, j, j
	return j
}

func (j *journal) note(call string) error {
	j.calls = append(j.calls, call)
	if j.before == nil {
		return nil
	}
	return j.before(call)
}

// count is how often a call was made.
func (j *journal) count(call string) int {
	n := 0
	for _, made := range j.calls {
		if made == call {
			n++
		}
	}
	return n
}

func (j *journal) Create(ctx context.Context, created job.Job) (job.Job, bool, error) {
	if err := j.note("create"); err != nil {
		return job.Job{}, false, err
	}
	return j.Store.Create(ctx, created)
}

func (j *journal) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	if err := j.note("save"); err != nil {
		return job.Job{}, false, err
	}
	return j.Store.Save(ctx, before, after)
}

func (j *journal) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	if err := j.note("problem"); err != nil {
		return problem.Problem{}, false, err
	}
	return j.Store.Problem(ctx, id)
}

func (j *journal) SaveProblem(ctx context.Context, before, after problem.Problem) (problem.Problem, bool, error) {
	if err := j.note("save problem"); err != nil {
		return problem.Problem{}, false, err
	}
	return j.Store.SaveProblem(ctx, before, after)
}

func (j *journal) Ring(ctx context.Context, m job.Message) error {
	if err := j.note("ring"); err != nil {
		return err
	}
	return j.Queue.Ring(ctx, m)
}

func (j *journal) Hide(ctx context.Context, h []dispatch.Hiding) error {
	if err := j.note("hide"); err != nil {
		return err
	}
	return j.Queue.Hide(ctx, h)
}

func (j *journal) Delete(ctx context.Context, handles []string) error {
	if err := j.note("delete"); err != nil {
		return err
	}
	return j.Queue.Delete(ctx, handles)
}

func (j *journal) Stat(ctx context.Context, key string) (job.Artifact, bool, error) {
	if err := j.note("stat"); err != nil {
		return job.Artifact{}, false, err
	}
	return j.Objects.Stat(ctx, key)
}

func (j *journal) Put(ctx context.Context, key string, body []byte, a job.Artifact) error {
	if err := j.note("put"); err != nil {
		return err
	}
	return j.Objects.Put(ctx, key, body, a)
}

func (j *journal) Keep(ctx context.Context, key string) (bool, error) {
	if err := j.note("keep"); err != nil {
		return false, err
	}
	return j.Objects.Keep(ctx, key)
}

func (j *journal) PutAhead(ctx context.Context, key string, body []byte, a job.Artifact) error {
	if err := j.note("put"); err != nil {
		return err
	}
	return j.Objects.PutAhead(ctx, key, body, a)
}

func (j *journal) PutCode(ctx context.Context, of job.Job, zip []byte, until job.Time) error {
	if err := j.note("code"); err != nil {
		return err
	}
	return j.Store.PutCode(ctx, of, zip, until)
}

func (j *journal) KeepCode(ctx context.Context, of job.Job, until job.Time) (bool, error) {
	if err := j.note("keep code"); err != nil {
		return false, err
	}
	return j.Store.KeepCode(ctx, of, until)
}

// withHandle hands a job in, has r claim it, and lets the claim know its message.
func (w *world) withHandle(id string) dispatch.Claimed {
	w.t.Helper()
	w.create(id)
	w.listed()
	c := w.claim(id, "r")
	w.pass(4 * time.Second)
	w.listed()
	if w.get(id).Claim.Handle == "" {
		w.t.Fatal("the claim does not know its message")
	}
	return c
}

// TestOrderOfWrites: ring before the write, hide and delete after it, objects
// before what refers to them; and where the write fails, nothing after it.
func TestOrderOfWrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(w *world) dispatch.Claimed // leaves a job j, if need be
		act     func(w *world, c dispatch.Claimed) error
		want    []string
		write   string
	}{
		{
			"create", func(*world) dispatch.Claimed { return dispatch.Claimed{} },
			func(w *world, _ dispatch.Claimed) error {
				_, _, err := w.Create(w.ctx, inline("j"))
				return err
			},
			[]string{"problem", "code", "ring", "create"},
			"create",
		},
		{
			"claim", func(w *world) dispatch.Claimed { w.create("j"); return dispatch.Claimed{} },
			func(w *world, _ dispatch.Claimed) error {
				_, _, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r"})
				return err
			},
			[]string{"problem", "save"},
			"save",
		},
		{
			"heartbeat", func(w *world) dispatch.Claimed { return w.withHandle("j") },
			func(w *world, _ dispatch.Claimed) error {
				w.pass(time.Minute)
				_, _, err := w.Heartbeat(w.ctx, "j", "r", "")
				return err
			},
			[]string{"save", "hide"},
			"save",
		},
		{
			"complete", func(w *world) dispatch.Claimed { return w.withHandle("j") },
			func(w *world, c dispatch.Claimed) error {
				_, err := w.Complete(w.ctx, report(c, loud("AC")))
				return err
			},
			[]string{"put", "save", "delete"},
			"save",
		},
		{
			"release", func(w *world) dispatch.Claimed { return w.withHandle("j") },
			func(w *world, c dispatch.Claimed) error {
				_, err := w.Release(w.ctx, "j", "r", auth.Hash(c.Token), job.ReasonDrain, "")
				return err
			},
			[]string{"ring", "save", "delete"},
			"save",
		},
		{
			"cancel", func(w *world) dispatch.Claimed { w.create("j"); return dispatch.Claimed{} },
			func(w *world, _ dispatch.Claimed) error {
				_, _, err := w.Cancel(w.ctx, "j")
				return err
			},
			[]string{"save"},
			"save",
		},
		{
			"rejudge", func(w *world) dispatch.Claimed { return w.withHandle("j") },
			func(w *world, _ dispatch.Claimed) error {
				_, _, err := w.Rejudge(w.ctx, "j", 0, "")
				return err
			},
			[]string{"keep code", "ring", "save"},
			"save",
		},
		{
			// Test data is no draft's any more before a version has it.
			"publish", func(w *world) dispatch.Claimed {
				p, _, err := w.Store.Problem(w.ctx, 1)
				must(w.t, err)
				p.Current.Rules.StopOnFailure = true
				_, _, err = w.PutProblem(w.ctx, 1, p.Current, "")
				must(w.t, err)
				return dispatch.Claimed{}
			},
			func(w *world, _ dispatch.Claimed) error {
				_, _, _, err := w.Publish(w.ctx, 1)
				return err
			},
			[]string{"problem", "stat", "keep", "save problem"},
			"keep",
		},
		{
			"the message of a job that is over", func(w *world) dispatch.Claimed {
				c := w.withHandle("j")
				w.granted2(w.Cancel(w.ctx, "j"))
				w.pass(2 * time.Minute)
				return c
			},
			func(w *world, _ dispatch.Claimed) error {
				_, _, err := w.List(w.ctx, job.Candidate{Runner: "lister"}, 10)
				return err
			},
			[]string{"save", "delete"},
			"save",
		},
		{
			"the sweep of a job that is over", func(w *world) dispatch.Claimed {
				c := w.withHandle("j")
				w.granted2(w.Cancel(w.ctx, "j"))
				w.pass(2 * time.Minute)
				return c
			},
			func(w *world, _ dispatch.Claimed) error {
				_, err := w.Sweep(w.ctx)
				return err
			},
			[]string{"save", "delete"},
			"save",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			claimed := c.prepare(w)
			seen := w.watch()
			must(t, c.act(w, claimed))
			if diff := cmp.Diff(c.want, seen.calls); diff != "" {
				t.Error(diff)
			}
		})
		t.Run(c.name+", the write fails", func(t *testing.T) {
			w := newWorld(t)
			claimed := c.prepare(w)
			seen := w.watch()
			seen.before = func(call string) error {
				if call == c.write {
					return errBroken
				}
				return nil
			}
			_ = c.act(w, claimed) // a receiver does what it can
			for i, call := range seen.calls {
				if (call == "hide" || call == "delete" || call == "save problem") && i > 0 {
					t.Errorf("%v", seen.calls)
				}
			}
		})
	}
}
