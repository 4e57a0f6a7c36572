package dispatch_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/roster"
)

// withExam adds a pool to a world, and returns its queue.
func (w *world) withExam() *memory.Queue {
	exam := memory.NewQueue(w.Now)
	w.Queues = dispatch.Queues{"exam": exam}
	return exam
}

func (w *world) createIn(pool, id string) job.Job {
	w.t.Helper()
	r := inline(id)
	r.PoolName = pool
	made, answer, err := w.Create(w.ctx, r)
	w.granted(answer, err)
	return made.Job
}

// claims are the ids of the jobs that a sync gets.
func (w *world) claims(runner string, slots int, pools ...string) []string {
	w.t.Helper()
	ids := []string{}
	for _, c := range w.sync(dispatch.SyncRequest{Runner: runner, Slots: slots, Pools: job.PoolsOf(pools...)}).Jobs {
		ids = append(ids, c.Job.ID)
	}
	return ids
}

func TestARunnerServesItsPoolsInTheirOrder(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	w.createIn("", "a")
	w.createIn("exam", "b")
	w.createIn("default", "c")
	w.createIn("exam", "d")
	for _, c := range []struct {
		pools []string
		slots int
		want  string
	}{
		{[]string{"exam"}, 1, "b"},
		{[]string{"exam", "default"}, 2, "d a"}, // what its first pool does not fill
		{[]string{"exam"}, 2, ""},
		{nil, 2, "c"},
	} {
		if got := w.claims("r", c.slots, c.pools...); strings.Join(got, " ") != c.want {
			t.Errorf("pools %v got %v, want %v", c.pools, got, c.want)
		}
	}
	// Heartbeats, results and lapsed leases find the message in its pool.
	w.pass(10 * time.Minute)
	if got := w.claims("again", 4, "exam"); strings.Join(got, " ") != "b d" {
		t.Errorf("after the lease the exam's are %v", got)
	}
}

func TestAListShowsTheFirstPoolInWhichSomethingWaits(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	w.createIn("", "older")
	w.pass(time.Second)
	w.createIn("exam", "exam")
	both := job.Candidate{Runner: "r", Pools: job.PoolsOf("exam", "default")}
	for _, want := range []string{"exam", "older"} { // the first is hidden then
		l, answer, err := w.List(w.ctx, both, 10)
		w.granted(answer, err)
		if len(l.Jobs) != 1 || l.Jobs[0].ID != want {
			t.Errorf("listed %v, want %s", l.Jobs, want)
		}
	}
}

func TestAJobOfAnotherPoolIsNotClaimedByItsID(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	w.createIn("exam", "a")
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "a", Runner: "r"})
	w.refused(job.Unfit, answer, err)
	if answer.Detail != "it is in the pool exam, and the runner serves default" {
		t.Errorf("the detail is %q", answer.Detail)
	}
	_, answer, err = w.Claim(w.ctx, dispatch.ClaimRequest{ID: "a", Runner: "r", Pools: job.PoolsOf("default", "exam")})
	w.granted(answer, err)
}

func TestAJobGoesToItsProblemsPool(t *testing.T) {
	w := newWorld(t)
	exam := w.withExam()
	p, _, err := w.Problem(w.ctx, 1)
	must(t, err)
	_, answer, err := w.PutProblem(w.ctx, 1, p.Current, "exam")
	w.granted(answer, err)
	if j := w.createIn("", "a"); j.Pool != "exam" || exam.Len() != 1 {
		t.Errorf("it is in %q, with %d messages", j.Pool, exam.Len())
	}
	if j := w.createIn("default", "b"); j.Pool != "" || exam.Len() != 1 {
		t.Errorf("one that names another is in %q", j.Pool)
	}
	_, answer, err = w.PutProblem(w.ctx, 1, p.Current, "") // says nothing of it
	w.granted(answer, err)
	_, answer, err = w.PutProblem(w.ctx, 1, p.Current, "default")
	w.granted(answer, err)
	if j := w.createIn("", "c"); j.Pool != "exam" {
		t.Errorf("within a minute it is in %q", j.Pool)
	}
	w.pass(time.Minute)
	if j := w.createIn("", "d"); j.Pool != "" {
		t.Errorf("after a minute it is in %q", j.Pool)
	}
}

func TestUnknownPoolsAreRefusedByTheNamesOfThoseThatAre(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	create := inline("a")
	create.PoolName = "lab"
	for name, ask := range map[string]func() (dispatch.Answer, error){
		"create": func() (dispatch.Answer, error) { _, a, err := w.Create(w.ctx, create); return a, err },
		"problem": func() (dispatch.Answer, error) {
			_, a, err := w.PutProblem(w.ctx, 1, problem.Content{}, "lab")
			return a, err
		},
		"rejudge": func() (dispatch.Answer, error) { _, a, err := w.Rejudge(w.ctx, "a", 0, "lab"); return a, err },
		"list": func() (dispatch.Answer, error) {
			_, a, err := w.List(w.ctx, job.Candidate{Runner: "r", Pools: job.PoolsOf("lab")}, 1)
			return a, err
		},
		"sync": func() (dispatch.Answer, error) {
			_, a, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", Pools: job.PoolsOf("lab")})
			return a, err
		},
	} {
		answer, err := ask()
		if err != nil || answer.Outcome != dispatch.UnknownPool || answer.Detail != "there is no lab here: want one of default, exam" {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	if got := w.claims("r", 1, "lab", "default"); len(got) != 0 { // one of them is there
		t.Errorf("got %v", got)
	}
}

func TestARejudgeStaysInItsPoolUnlessItNamesAnother(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	w.createIn("exam", "a")
	for generation, c := range []struct {
		pool string
		want job.Pool
	}{{"", "exam"}, {"default", ""}, {"exam", "exam"}} {
		j, answer, err := w.Rejudge(w.ctx, "a", generation, c.pool)
		w.granted(answer, err)
		if j.Pool != c.want {
			t.Errorf("rejudged in %q it is in %q", c.pool, j.Pool)
		}
	}
	w.Queues = nil // taken away
	j, answer, err := w.Rejudge(w.ctx, "a", 3, "")
	w.granted(answer, err)
	if j.Pool != "" || !slices.Equal(w.claims("r", 2), []string{"a"}) {
		t.Errorf("without its pool it is in %q", j.Pool)
	}
}

func TestTheSweepMovesJobsOfAPoolThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.withExam()
	w.createIn("exam", "a")
	w.Queues = nil
	_, delays, answer, err := w.Explain(w.ctx, "a")
	w.granted(answer, err)
	if delays[0].Code != job.DelayPoolGone || !strings.Contains(delays[0].Reason, "its pool exam is not there any more, so the runners of default get it") {
		t.Errorf("explained as %+v", delays)
	}
	for range 4 {
		w.create("busy" + w.clock.Format("150405")) // the default queue is never silent
		_, err := w.Sweep(w.ctx)
		must(t, err)
		w.pass(time.Minute)
	}
	if j := w.get("a"); j.Pool != "" || j.Bell != 2 {
		t.Errorf("it is in %q, bell %d", j.Pool, j.Bell)
	}
	if got := w.claims("r", 10); !slices.Contains(got, "a") {
		t.Errorf("the default pool got %v", got)
	}
}

// TestAPausedPoolIsNotReceivedFrom: a runner of two pools goes on with the other, and
// comes again when a resume is in force.
func TestAPausedPoolIsNotReceivedFrom(t *testing.T) {
	w := newWorld(t)
	exam := w.withExam()
	w.createIn("exam", "a")
	w.createIn("", "b")
	w.Roster = w.store
	order := roster.Order{By: "ops", Why: "a test"}
	_, answer, err := w.PauseJobs(w.ctx, "pool:exam", order)
	w.granted(answer, err)
	if got := w.claims("r", 2, "exam", "default"); strings.Join(got, " ") != "b" {
		t.Errorf("a runner of both got %v", got)
	}
	s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, Pools: job.PoolsOf("exam", "default")})
	if s.Paused != nil || s.PollSeconds > 61 {
		t.Errorf("it comes again in %d s, paused %v", s.PollSeconds, s.Paused)
	}
	s = w.sync(dispatch.SyncRequest{Runner: "e", Slots: 1, Pools: job.PoolsOf("exam")})
	if s.Paused == nil || s.Paused.Target != "pool:exam" || len(s.Jobs) != 0 {
		t.Errorf("one of the exam alone: %+v", s)
	}
	for _, pools := range []job.Pools{job.PoolsOf("exam"), job.PoolsOf("exam", "default")} {
		l, answer, err := w.List(w.ctx, job.Candidate{Runner: "l", Pools: pools}, 10)
		w.granted(answer, err)
		if len(l.Jobs) != 0 || l.PollSeconds > 61 {
			t.Errorf("a list in %v: %+v", pools, l)
		}
	}
	if d, err := exam.Depth(w.ctx); err != nil || d.Visible != 1 {
		t.Errorf("the exam's queue has %+v, %v: its message is to stay as it is", d, err)
	}
	answer, err = w.ResumeJobs(w.ctx, "pool:exam", order)
	w.granted(answer, err)
	if got := w.claims("e", 2, "exam"); strings.Join(got, " ") != "a" {
		t.Errorf("resumed, the exam's got %v", got)
	}
}

// counted counts the receives of a queue.
type counted struct {
	dispatch.Queue
	receives int
}

func (q *counted) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.receives++
	return q.Queue.Receive(ctx, limit, hide)
}

// TestAnIdlePollReceivesOnceFromEachPool: with one pool it costs what it did before there
// were others.
func TestAnIdlePollReceivesOnceFromEachPool(t *testing.T) {
	w := newWorld(t)
	usual, exam := &counted{Queue: w.Queue}, &counted{Queue: w.withExam()}
	w.Queue, w.Queues["exam"] = usual, exam
	for _, c := range []struct {
		pools       []string
		usual, exam int
	}{{nil, 1, 0}, {[]string{"exam"}, 0, 1}, {[]string{"exam", "default"}, 1, 1}} {
		usual.receives, exam.receives = 0, 0
		w.claims("r", 1, c.pools...)
		if usual.receives != c.usual || exam.receives != c.exam {
			t.Errorf("%v: %d and %d receives, want %d and %d", c.pools, usual.receives, exam.receives, c.usual, c.exam)
		}
	}
}

func TestSilenceIsOfEachPool(t *testing.T) {
	w := newWorld(t)
	exam := w.withExam()
	w.create("busy")
	w.createIn("exam", "lost")
	exam.Purge()
	swept := dispatch.Swept{}
	for range 4 {
		one, err := w.Sweep(w.ctx)
		must(t, err)
		swept.Rang += one.Rang
		w.pass(time.Minute)
	}
	if j := w.get("busy"); swept.Rang != 1 || exam.Len() != 1 || j.Bell != 1 {
		t.Errorf("rang %d, %d messages in the exam's queue, the other's bell %d", swept.Rang, exam.Len(), j.Bell)
	}
}

// TestAFloodElsewhereDelaysNoExam: one runner serves the exam, ten the rest, and each
// job takes a second. With a rejudge of hundreds in the other pool an exam's job
// waits as long as without.
func TestAFloodElsewhereDelaysNoExam(t *testing.T) {
	waits := func(flood int) (exam []time.Duration, rest int) {
		w := newWorld(t)
		w.withExam()
		for i := range flood {
			w.createIn("", "flood"+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		}
		for i := range 20 {
			w.createIn("exam", "exam"+string(rune('a'+i)))
			handedIn := w.clock
			for range 2 {
				w.pass(time.Second)
				for _, c := range w.sync(dispatch.SyncRequest{Runner: "exam", Slots: 1, Pools: job.PoolsOf("exam")}).Jobs {
					exam = append(exam, w.clock.Sub(handedIn))
					answer, err := w.Complete(w.ctx, report(c, result("AC")))
					w.granted(answer, err)
				}
				rest += len(w.claims("other", 10))
			}
		}
		return exam, rest
	}
	calm, _ := waits(0)
	flooded, rest := waits(500)
	if !slices.Equal(calm, flooded) || len(calm) != 20 || rest != 400 {
		t.Errorf("without a flood exam's jobs wait %v, with it %v; %d others were begun", calm, flooded, rest)
	}
}
