package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// dyingRoster fails all writes of rejudges after the first few.
type dyingRoster struct {
	dispatch.Roster
	writes    int
	meanwhile func() // before each
	damaged   string // a rejudge that cannot be read
}

func (r *dyingRoster) Rejudge(ctx context.Context, id string) (rejudge.Many, bool, error) {
	if id == r.damaged {
		return rejudge.Many{}, false, errBroken
	}
	return r.Roster.Rejudge(ctx, id)
}

func (r *dyingRoster) SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (rejudge.Many, bool, error) {
	if r.writes--; r.writes < 0 {
		return rejudge.Many{}, false, errBroken
	}
	if r.meanwhile != nil {
		r.meanwhile()
	}
	return r.Roster.SaveRejudge(ctx, before, after, e)
}

// judged is a world with a number of final jobs, which ended one second after another:
// every fifth with WA, the others with AC.
func judged(t *testing.T, jobs int) (*world, *dyingRoster) {
	w := newWorld(t)
	r := &dyingRoster{Roster: w.store.Store, writes: 1e9}
	w.Roster = r
	for i := range jobs {
		w.judge(fmt.Sprintf("j%03d", i), i)
	}
	w.queue.Purge()
	return w, r
}

func (w *world) judge(id string, i int) {
	w.t.Helper()
	if _, found, _ := w.store.Get(w.ctx, id); !found {
		w.create(id)
	}
	status := "AC"
	if i%5 == 0 {
		status = "WA"
	}
	w.granted(w.Complete(w.ctx, report(w.claim(id, "r"), result(status))))
	w.pass(time.Second)
}

func (w *world) rejudgeMany(f rejudge.Filter) rejudge.Many {
	w.t.Helper()
	f.Problem = 1
	m, answer, err := w.RejudgeMany(w.ctx, f, "", order(""))
	w.granted(answer, err)
	return m
}

// run sweeps until a rejudge has ended; what is queued is judged at once, if it is to be.
func (w *world) run(id string, judges bool) rejudge.Many {
	w.t.Helper()
	for range 60 {
		w.pass(time.Minute)
		w.sweep()
		m, answer, err := w.FindRejudge(w.ctx, id)
		w.granted(answer, err)
		if !m.Running() {
			return m
		}
		if judges {
			w.judgeAll()
		}
	}
	w.t.Fatal("an hour was not enough")
	return rejudge.Many{}
}

// judgeAll judges the open jobs.
func (w *world) judgeAll() {
	for _, id := range w.open() {
		w.judge(id, 1)
	}
	w.queue.Purge()
}

// open lists the open jobs.
func (w *world) open() (ids []string) {
	for shard := range dispatch.Shards {
		page, _, err := w.store.Open(w.ctx, shard, "", 1000)
		must(w.t, err)
		for _, o := range page {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// generations counts the jobs of each generation.
func (w *world) generations(jobs int) map[int]int {
	w.t.Helper()
	count := map[int]int{}
	for i := range jobs {
		count[w.get(fmt.Sprintf("j%03d", i)).Generation]++
	}
	return count
}

func tally(m rejudge.Many) string {
	return fmt.Sprintf("%s %d=%d+%d+%d", m.State, m.Matched, m.Rejudged, m.Skipped, m.Failed)
}

// TestRejudgeOfMany: each job that was final when it began is rejudged once, however
// often it ends meanwhile; nothing happens in its first minute; its acts are audited.
func TestRejudgeOfMany(t *testing.T) {
	const jobs = 230
	w, _ := judged(t, jobs)
	w.create("cancelled")
	w.granted2(w.Cancel(w.ctx, "cancelled"))
	w.pass(time.Second)
	w.create("open")
	m := w.rejudgeMany(rejudge.Filter{})
	if !job.ValidID(m.ID) || m.By != "ops" || m.State != rejudge.Running {
		t.Fatalf("began as %+v", m)
	}
	if again := w.rejudgeMany(rejudge.Filter{}); again.ID != m.ID {
		t.Errorf("the same order began %s beside %s", again.ID, m.ID)
	}
	_, answer, err := w.RejudgeMany(w.ctx, rejudge.Filter{Problem: 1, Status: new(1)}, "", order(""))
	if w.refused(dispatch.RejudgeRunning, answer, err); answer.Detail != m.ID+" is running: wait for its end, or stop it" {
		t.Errorf("refused with %q", answer.Detail)
	}
	w.pass(time.Second)
	w.judgeAll() // after it began
	w.pass(50 * time.Second)
	if s := w.sweep(); s.Rejudged != 0 {
		t.Fatalf("in its first minute: %+v", s)
	}
	w.pass(10 * time.Second)
	if s := w.sweep(); s.Rejudged != rejudge.FirstStep {
		t.Errorf("the first run rejudged %d", s.Rejudged)
	}
	if got, _, _ := w.FindRejudge(w.ctx, m.ID); got.Matched != jobs || !got.Counted {
		t.Errorf("counted %d", got.Matched)
	}
	// The newest first, in a group of this rejudge.
	if a, b := w.get("j229").Generation, w.get("j000").Generation; a != 1 || b != 0 {
		t.Errorf("generations %d and %d", a, b)
	}
	if got, err := w.queue.Receive(w.ctx, 10, 0); err != nil || got[len(got)-1].Group != m.Group() || m.Group() == job.RejudgeGroup {
		t.Errorf("received %+v, %v", got, err)
	}
	w.judgeAll()
	if m = w.run(m.ID, true); tally(m) != "done 230=230+0+0" || m.EndedAt == 0 || len(m.Pending) != 0 {
		t.Errorf("ended as %+v", m)
	}
	if diff := cmp.Diff(map[int]int{1: jobs}, w.generations(jobs)); diff != "" {
		t.Error(diff)
	}
	if w.get("cancelled").State != job.Cancelled || w.get("open").Generation != 0 {
		t.Error("rejudged what it is not of")
	}
	if acts, _, err := w.Audit(w.ctx, "", 9); err != nil || len(acts) != 1 || acts[0].Act != rejudge.ActBegin || acts[0].Target != "rejudge:"+m.ID {
		t.Errorf("acts %+v, %v", acts, err)
	}
	before := m.Revision
	w.pass(time.Minute)
	w.sweep()
	if again, _, _ := w.FindRejudge(w.ctx, m.ID); again.Revision != before {
		t.Error("written after its end")
	}
}

// TestRejudgeOfSome: a status, and a time from and to.
func TestRejudgeOfSome(t *testing.T) {
	const jobs = 120
	for name, tc := range map[string]struct {
		filter func(first job.Time) rejudge.Filter
		want   []string // first, last
		n      int
	}{
		"WA":      {func(job.Time) rejudge.Filter { return rejudge.Filter{Status: new(1)} }, []string{"j000", "j115"}, 24},
		"a time":  {func(at job.Time) rejudge.Filter { return rejudge.Filter{From: at + 10_000, To: at + 70_000} }, []string{"j010", "j069"}, 60},
		"nothing": {func(job.Time) rejudge.Filter { return rejudge.Filter{Status: new(6)} }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := judged(t, jobs)
			m := w.run(w.rejudgeMany(tc.filter(w.get("j000").EndedAt)).ID, true)
			var got []string
			for i := range jobs {
				if id := fmt.Sprintf("j%03d", i); w.get(id).Generation == 1 {
					got = append(got, id)
				}
			}
			if len(got) != tc.n || tally(m) != fmt.Sprintf("done %d=%d+0+0", tc.n, tc.n) || tc.n > 0 && !slices.Equal([]string{got[0], got[len(got)-1]}, tc.want) {
				t.Errorf("%s, rejudged %d: %v", tally(m), len(got), got)
			}
		})
	}
}

// TestRejudgeOfManySurvives: wherever its process dies, and whichever processes take part, each
// job is rejudged once and counted once.
func TestRejudgeOfManySurvives(t *testing.T) {
	const jobs = 60
	for name, harm := range map[string]func(w *world, r *dyingRoster, minute int){
		"a process that dies before its second write": func(_ *world, r *dyingRoster, minute int) {
			if r.writes = 1e9; minute < 8 {
				r.writes = 1 // that of what is pending
			}
		},
		"jobs that cannot be written for two minutes": func(w *world, _ *dyingRoster, minute int) { w.store.saveFails = minute < 2 },
		"a queue that fails for two minutes":          func(w *world, _ *dyingRoster, minute int) { w.queue.ringFails = minute < 2 },
		"another sweep at each write": func(w *world, r *dyingRoster, _ int) {
			r.meanwhile = func() {
				r.meanwhile = nil
				w.sweep()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := judged(t, jobs)
			m := w.rejudgeMany(rejudge.Filter{})
			for minute := 0; m.Running() && minute < 30; minute++ {
				w.pass(time.Minute)
				harm(w, r, minute)
				_, _ = w.Sweep(w.ctx)
				w.store.saveFails, w.queue.ringFails, r.writes, r.meanwhile = false, false, 1e9, nil
				w.judgeAll()
				m, _, _ = w.FindRejudge(w.ctx, m.ID)
			}
			if diff := cmp.Diff(map[int]int{1: jobs}, w.generations(jobs)); diff != "" || tally(m) != "done 60=60+0+0" {
				t.Errorf("%s\n%s", tally(m), diff)
			}
		})
	}
}

// TestRejudgeOfManyGoesOnPastAJob that cannot be written, is deleted or has been
// rejudged by another, and past a record that cannot be read.
func TestRejudgeOfManyGoesOnPastAJob(t *testing.T) {
	const jobs = 30
	w, r := judged(t, jobs)
	_, _, err := w.PutProblem(w.ctx, 2, problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}, "")
	must(t, err)
	damaged, answer, err := w.RejudgeMany(w.ctx, rejudge.Filter{Problem: 2}, "", order(""))
	w.granted(answer, err)
	r.damaged = damaged.ID
	w.pass(time.Second)
	m := w.rejudgeMany(rejudge.Filter{})
	w.pass(time.Minute)
	r.meanwhile = func() {
		r.meanwhile = nil
		w.granted2(w.Rejudge(w.ctx, "j029", 0, ""))
		w.judge("j029", 1)
		w.granted2(w.Rejudge(w.ctx, "j029", 1, ""))
		answer, err := w.Delete(w.ctx, "j028")
		w.granted(answer, err)
		w.store.meanwhile = func() {
			w.queue.Purge() // a write that fails leaves its message, which takes room
			w.store.saveFails = w.clock.Sub(m.StartedAt.Std()) < 5*time.Minute
		}
	}
	m = w.run(m.ID, false)
	if tally(m) != "done 30=5+2+23" {
		t.Errorf("ended as %s", tally(m))
	}
}

// TestRejudgeOfManyKeepsRoom: it sends no message while as many wait as its step, which
// doubles where its queue runs dry and is halved where it overflows.
func TestRejudgeOfManyKeepsRoom(t *testing.T) {
	w, _ := judged(t, 230)
	m := w.rejudgeMany(rejudge.Filter{})
	var steps, waiting []int
	for minute := range 6 {
		if w.pass(time.Minute); minute == 1 {
			for i := range 20 {
				w.create(fmt.Sprintf("new%d", i))
			}
		}
		w.sweep()
		m, _, _ = w.FindRejudge(w.ctx, m.ID)
		steps, waiting = append(steps, m.Step), append(waiting, w.visible())
		if minute >= 3 {
			w.judgeAll()
		}
	}
	if !slices.Equal(steps, []int{50, 25, 12, 10, 20, 40}) || !slices.Equal(waiting, []int{50, 70, 70, 70, 20, 40}) {
		t.Errorf("steps %v, with %v waiting", steps, waiting)
	}
}

// TestStopARejudge: the rest stays as it is, and what a run under way has done is counted.
func TestStopARejudge(t *testing.T) {
	const jobs = 60
	w, r := judged(t, jobs)
	m := w.rejudgeMany(rejudge.Filter{})
	w.pass(time.Minute)
	saves := 0
	r.meanwhile = func() {
		if saves++; saves == 2 { // 25 jobs have been rejudged, and are not counted
			r.meanwhile = nil
			for range 2 {
				stopped, answer, err := w.StopRejudge(w.ctx, m.ID, order(""))
				if w.granted(answer, err); stopped.State != rejudge.Stopped {
					t.Errorf("stopped as %+v", stopped)
				}
			}
		}
	}
	w.sweep()
	m = w.run(m.ID, false)
	if diff := cmp.Diff(map[int]int{0: jobs - 25, 1: 25}, w.generations(jobs)); diff != "" || tally(m) != "stopped 60=25+0+0" {
		t.Errorf("%s\n%s", tally(m), diff)
	}
	if acts, _, _ := w.Audit(w.ctx, "", 9); len(acts) != 2 || acts[0].Act != rejudge.ActStop {
		t.Errorf("acts %+v", acts)
	}
	next := w.run(w.rejudgeMany(rejudge.Filter{Status: new(6)}).ID, false)
	_, answer, err := w.StopRejudge(w.ctx, next.ID, order(""))
	w.refused(dispatch.RejudgeState, answer, err)
	_, answer, err = w.StopRejudge(w.ctx, "none", order(""))
	w.refused(dispatch.RejudgeNotFound, answer, err)
	if page, more, err := w.ListRejudges(w.ctx, "", 1); err != nil || !more || page[0].ID != next.ID {
		t.Errorf("listed %+v, %v, %v", page, more, err)
	}
}
