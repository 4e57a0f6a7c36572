package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judging"
	"runlease/shared/language"
)

// inLanguage creates a job in a language.
func (w *world) inLanguage(id string, l job.Language) {
	w.t.Helper()
	r := inline(id)
	r.Language = l
	_, answer, err := w.Create(w.ctx, r)
	w.granted(answer, err)
}

func (w *world) listedFor(c job.Candidate) []string {
	w.t.Helper()
	l, _, err := w.List(w.ctx, c, 10)
	must(w.t, err)
	ids := []string{}
	for _, j := range l.Jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

const own = job.Language(language.FirstOwn)

// TestAJobGoesToARunnerThatJudgesIt: by list, sync and claim; others never see it,
// and it is there for the right one the moment after.
func TestAJobGoesToARunnerThatJudgesIt(t *testing.T) {
	w := newWorld(t)
	w.inLanguage("theirs", own)
	w.create("c")
	if diff := cmp.Diff([]string{"c"}, w.listedFor(job.Candidate{Runner: "old"})); diff != "" {
		t.Error("a runner that does not say:", diff)
	}
	if diff := cmp.Diff([]string{"theirs"}, w.listedFor(job.Candidate{Runner: "new", Languages: job.Speaks(own)})); diff != "" {
		t.Error("a runner that judges it:", diff)
	}
	w.pass(3 * time.Second)
	if s := w.sync(dispatch.SyncRequest{Runner: "new", Slots: 2, Languages: job.Speaks(5, own)}); len(s.Jobs) != 1 || s.Jobs[0].Job.ID != "theirs" {
		t.Errorf("got %v", s.Jobs)
	}
	w.inLanguage("theirs-2", own)
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "theirs-2", Runner: "old", Languages: job.Speaks(0, 1)})
	w.refused(job.Unfit, answer, err)
	_, answer, err = w.Claim(w.ctx, dispatch.ClaimRequest{ID: "theirs-2", Runner: "old"})
	w.granted(answer, err) // it does not say, and asks for this one
}

// TestAListShowsNoJobWhoseCheckerIsUnknown to the runner, without one read more
// for each.
func TestAListShowsNoJobWhoseCheckerIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.published(1, judging.Rules{Checker: judging.Checker{Kind: judging.Tokens}})
	w.create("a")
	w.create("b")
	if got := w.listedFor(job.Candidate{Runner: "old"}); len(got) > 0 {
		t.Errorf("listed %v", got)
	}
	if got := w.listedFor(job.Candidate{Runner: "new", Checkers: true}); len(got) != 2 {
		t.Errorf("listed %v of two", got)
	}
}

// TestACheckersLanguageIsTheRunnersToo: a checker that is a program needs a runner
// that judges its language as well as the submission's, or no runner has the job.
func TestACheckersLanguageIsTheRunnersToo(t *testing.T) {
	w := newWorld(t)
	w.published(1, judging.Rules{Checker: judging.Checker{Kind: judging.Program, Language: language.CPP, File: "check.cpp"}})
	w.inLanguage("theirs", own)
	lame, able := job.Speaks(own), job.Speaks(own, job.CPP)
	for range 100 {
		if got := w.listedFor(job.Candidate{Runner: "lame", Checkers: true, Languages: lame}); len(got) > 0 {
			t.Fatalf("listed %v", got)
		}
		if s := w.sync(dispatch.SyncRequest{Runner: "lame", Slots: 1, Checkers: true, Languages: lame}); len(s.Jobs) > 0 {
			t.Fatal("given by sync")
		}
		w.pass(time.Second)
	}
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "theirs", Runner: "lame", Checkers: true, Languages: lame})
	w.refused(job.Unfit, answer, err)
	if lacks := w.get("theirs").Lacks; lacks != job.LacksCheckers {
		t.Errorf("noted that it lacks %q", lacks)
	}
	w.pass(time.Minute)
	if s := w.sync(dispatch.SyncRequest{Runner: "able", Slots: 1, Checkers: true, Languages: able}); len(s.Jobs) != 1 {
		t.Error("not given to a runner that judges both")
	}
}

// TestManyOfOthersStandBeforeNobody: a runner finds its job behind the jobs that it
// cannot judge.
func TestManyOfOthersStandBeforeNobody(t *testing.T) {
	w := newWorld(t)
	w.able("new", own)
	for i := range 12 {
		w.inLanguage(fmt.Sprintf("theirs-%02d", i), own)
		w.pass(time.Millisecond)
	}
	w.create("c")
	s := w.sync(dispatch.SyncRequest{Runner: "old", Slots: 1})
	if len(s.Jobs) != 1 {
		t.Fatal("nothing is found behind 12 jobs of others")
	}
	w.pass(3 * time.Second)
	if s := w.sync(dispatch.SyncRequest{Runner: "new", Slots: 10, Languages: job.Speaks(own)}); len(s.Jobs) != 10 {
		t.Errorf("%d of 12 jobs for the runner that judges them", len(s.Jobs))
	}
}

// able has a runner heard that judges a language.
func (w *world) able(runner string, l job.Language) {
	w.t.Helper()
	w.sync(dispatch.SyncRequest{Runner: runner, Slots: 1, Languages: job.Speaks(l)})
}

// TestAJobThatNobodyJudges stays queued, costs a receive a minute and not one of
// every poll, says why, and is given out a minute after a runner has come.
func TestAJobThatNobodyJudges(t *testing.T) {
	w := newWorld(t)
	w.inLanguage("theirs", own)
	calls, last := 0, 0
	w.queue.received = func(n int) { calls += n }
	for second := range 60 * 60 {
		before := calls
		if s := w.sync(dispatch.SyncRequest{Runner: "old", Slots: 1}); len(s.Jobs) > 0 {
			t.Fatal("given to a runner that does not judge it")
		}
		if calls > before {
			if second-last > 61 {
				t.Fatalf("hidden for %d s", second-last)
			}
			last = second
		}
		w.pass(time.Second)
	}
	if calls > 140 { // ten at once, then each a second later than the one before, then one a minute
		t.Errorf("received %d times in an hour", calls)
	}
	if j := w.get("theirs"); j.State != job.Queued || j.Lacks != job.LacksLanguage {
		t.Errorf("%s, lacks %q", j.State, j.Lacks)
	}
	for range 61 {
		if len(w.sync(dispatch.SyncRequest{Runner: "new", Slots: 1, Languages: job.Speaks(own)}).Jobs) > 0 {
			return
		}
		w.pass(time.Second)
	}
	t.Error("a runner that judges it waits for more than a minute")
}

// TestAKnownRunnerIsWaitedFor: while one is there the message is not hidden.
func TestAKnownRunnerIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.able("new", own)
	w.inLanguage("theirs", own)
	for range 100 {
		w.sync(dispatch.SyncRequest{Runner: "old", Slots: 1})
		w.pass(time.Second)
	}
	if s := w.sync(dispatch.SyncRequest{Runner: "new", Slots: 1, Languages: job.Speaks(own)}); len(s.Jobs) != 1 {
		t.Error("it does not get its job at once")
	}
	if lacks := w.get("theirs").Lacks; lacks != "" {
		t.Errorf("noted that it lacks %q", lacks)
	}
}

// TestPaceFollowsTheRarestLanguage: those who judge it ask as often as the fleet.
func TestPaceFollowsTheRarestLanguage(t *testing.T) {
	w := newWorld(t)
	all, some := job.Speaks(0, 1), job.Speaks(0, 1, own)
	var got []int
	for range 2 {
		got = nil
		for i := range 9 {
			says := all
			if i < 3 {
				says = some
			}
			got = append(got, w.sync(dispatch.SyncRequest{Runner: fmt.Sprint("r", i), Slots: 1, Languages: says}).PollSeconds)
		}
	}
	if diff := cmp.Diff([]int{3, 3, 3, 9, 9, 9, 9, 9, 9}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
