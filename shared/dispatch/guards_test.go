package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

// once makes a journal run something before the first of a call, and only then.
func (j *journal) once(call string, do func()) {
	j.before = func(made string) error {
		if made == call {
			j.before = nil
			do()
		}
		return nil
	}
}

// published makes another version of problem 1, with one task of some cases.
func (w *world) published(cases int, rules ...judging.Rules) {
	w.t.Helper()
	rules = append(rules, judging.Rules{})
	data := zips.TestData(cases)
	if c := rules[0].Checker; c.IsProgram() { // of one case
		data = zips.Of(zips.File{Name: "0000.in"}, zips.File{Name: "0000.out"}, zips.File{Name: "checker/" + c.File})
	}
	at := measure(data)
	_, _, err := w.PutProblem(w.ctx, 1, problem.Content{Tasks: []judge.Task{{Score: 100, Cases: cases, MemoryLimit: 1, TimeLimit: 1}}, Testdata: at, Rules: rules[0]}, "")
	must(w.t, err)
	must(w.t, w.artifacts.Put(w.ctx, "testdata/1/"+at.SHA256+".zip", data, at))
	_, changed, answer, err := w.Publish(w.ctx, 1)
	w.granted(answer, err)
	if !changed {
		w.t.Fatal("not published")
	}
}

func TestConflictsWithoutEndAreGivenUp(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.claim("j", "r")
	w.pass(time.Minute)
	seen := w.watch()
	seen.before = func(call string) error {
		if call == "save" {
			other := w.get("j")
			next := other
			next.Revision++
			next.WriteID = "another's"
			_, _, err := w.store.Store.Save(w.ctx, other, next)
			return err
		}
		return nil
	}
	if _, _, err := w.Heartbeat(w.ctx, "j", "r", ""); err == nil || seen.count("save") != 4 {
		t.Errorf("%d writes, error %v", seen.count("save"), err)
	}
}

func TestJobThatExpiresUnderOurHands(t *testing.T) {
	w := newWorld(t)
	r := inline("j")
	r.Inline = nil // never submitted
	_, answer, err := w.Create(w.ctx, r)
	w.granted(answer, err)
	w.watch().once("save", func() { _, _ = w.store.Expire(t.Context(), w.now(100*24*time.Hour)) })
	_, answer, err = w.Cancel(w.ctx, "j")
	w.refused(job.NotFound, answer, err)
}

func (w *world) now(later time.Duration) job.Time { return job.At(w.clock.Add(later)) }

func TestEveryUseCaseOfAnUnknownJob(t *testing.T) {
	w := newWorld(t)
	for name, act := range map[string]func() (dispatch.Answer, error){
		"claim": func() (dispatch.Answer, error) {
			_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "x", Runner: "r"})
			return answer, err
		},
		"heartbeat": func() (dispatch.Answer, error) {
			_, answer, err := w.Heartbeat(w.ctx, "x", "r", "")
			return answer, err
		},
		"complete": func() (dispatch.Answer, error) {
			return w.Complete(w.ctx, dispatch.CompleteRequest{ID: "x", Runner: "r", TokenHash: "t", Tasks: result("AC")})
		},
		"release": func() (dispatch.Answer, error) { return w.Release(w.ctx, "x", "r", "t", job.ReasonDrain, "") },
		"cancel":  func() (dispatch.Answer, error) { _, answer, err := w.Cancel(w.ctx, "x"); return answer, err },
		"rejudge": func() (dispatch.Answer, error) { _, answer, err := w.Rejudge(w.ctx, "x", 0, ""); return answer, err },
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := act()
			(&world{t: t}).refused(job.NotFound, answer, err)
		})
	}
}

func TestClaimPinsWhatIsCurrentThen(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.published(1)
	c := w.claim("j", "r")
	if c.Job.Claim.ProblemVersion != 2 || len(c.Content.Tasks) != 1 {
		t.Errorf("pinned version %d with %d tasks", c.Job.Claim.ProblemVersion, len(c.Content.Tasks))
	}
	w.published(2)
	answer, err := w.Complete(w.ctx, report(c, result("AC"))) // legal for version 1 only
	w.refused(dispatch.InvalidResult, answer, err)
	one := `[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":3,"memoryUsage":9}]]`
	w.granted(w.Complete(w.ctx, report(c, []byte(one))))
}

func TestClaimNeedsAPublishedProblem(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.PutProblem(w.ctx, 2, problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}, "")
	must(t, err)
	j := job.CreateOp{Now: w.now(0), ID: "j", Problem: 2}.New()
	j, _ = job.SubmitOp{Now: w.now(0)}.Apply(j)
	j.Revision = 1
	_, _, err = w.store.Create(w.ctx, j)
	must(t, err)
	if c, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r"}); err == nil {
		t.Errorf("claimed %+v, answer %+v", c.Job.Claim, answer)
	}
}

func TestLostRaceForAClaimReadsNoProblem(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.claim("j", "r")
	seen := w.watch()
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "s"})
	w.refused(job.AlreadyClaimed, answer, err)
	if len(seen.calls) != 0 {
		t.Errorf("calls %v", seen.calls)
	}
}

// TestLateRunnerLeavesNothingButItsEvidence: no object, no word about what was
// wrong with its result, and the message of its successor stays.
func TestLateRunnerLeavesNothingButItsEvidence(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	late := w.claim("j", "late")
	w.pass(61 * time.Second)
	if s := w.sync(dispatch.SyncRequest{Runner: "next", Slots: 1, LeaseSeconds: new(60)}); len(s.Jobs) != 1 || s.Jobs[0].Job.Claim.Handle == "" {
		t.Fatalf("claimed %+v", s.Jobs)
	}
	seen := w.watch()
	answer, err := w.Complete(w.ctx, report(late, []byte(`[]`)))
	w.refused(job.NotClaimed, answer, err)
	if j := w.get("j"); j.Past[0].Late != nil {
		t.Errorf("an illegal result is no evidence: %+v", j.Past[0].Late)
	}
	answer, err = w.Complete(w.ctx, report(late, loud("WA")))
	w.refused(job.NotClaimed, answer, err)
	if seen.count("put") != 0 || seen.count("delete") != 0 || seen.count("save") != 1 {
		t.Errorf("calls %v", seen.calls)
	}
}

func TestReleaseRepeatedLeavesTheNextClaimAlone(t *testing.T) {
	w := newWorld(t)
	c := w.withHandle("j")
	give := func() {
		t.Helper()
		w.granted(w.Release(w.ctx, "j", "r", auth.Hash(c.Token), job.ReasonDrain, ""))
	}
	give()
	if s := w.sync(dispatch.SyncRequest{Runner: "next", Slots: 1, LeaseSeconds: new(60)}); len(s.Jobs) != 1 {
		t.Fatal("not claimed")
	}
	seen := w.watch()
	give()
	if len(seen.calls) != 0 {
		t.Errorf("calls %v", seen.calls)
	}
}

func TestOutputsAreStoredOnce(t *testing.T) {
	t.Run("whatever the conflicts", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		c := w.claim("j", "r")
		w.pass(30 * time.Second) // else the heartbeat writes nothing
		seen := w.watch()
		seen.once("save", func() {
			_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
			w.granted(answer, err)
		})
		w.granted(w.Complete(w.ctx, report(c, loud("AC"))))
		if seen.count("put") != 1 {
			t.Errorf("calls %v", seen.calls)
		}
	})
	t.Run("not for a repetition", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		c := w.claim("j", "r")
		seen := w.watch()
		for range 2 {
			w.granted(w.Complete(w.ctx, report(c, loud("AC"))))
		}
		if seen.count("put") != 1 {
			t.Errorf("calls %v", seen.calls)
		}
	})
	t.Run("not for a job that is to be cancelled", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		c := w.claim("j", "r")
		w.granted2(w.Cancel(w.ctx, "j"))
		seen := w.watch()
		answer, err := w.Complete(w.ctx, report(c, loud("AC")))
		w.refused(job.JobCancelled, answer, err)
		if seen.count("put") != 0 {
			t.Errorf("calls %v", seen.calls)
		}
	})
	t.Run("not if there are none", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		c := w.claim("j", "r")
		seen := w.watch()
		silent := strings.ReplaceAll(string(result("AC")), `"stdout":"out"`, `"stdout":""`)
		w.granted(w.Complete(w.ctx, report(c, []byte(silent))))
		if j := w.get("j"); seen.count("put") != 0 || j.Result.HasOutputs() {
			t.Errorf("calls %v, finished as %+v", seen.calls, j.Result)
		}
	})
}

func TestOutputsThatWereNeverUploaded(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	r := report(w.claim("j", "r"), result("AC"))
	r.Outputs = measure([]byte("PK outputs"))
	w.granted(w.Complete(w.ctx, r))
	if j := w.get("j"); j.Result.Outputs != job.OutputsMissing || j.Result.Score != 100 {
		t.Errorf("finished as %+v", j.Result)
	}
	other := r
	other.Outputs = measure([]byte("PK other outputs"))
	answer, err := w.Complete(w.ctx, other)
	w.refused(job.ResultConflict, answer, err)
}

// TestUploadedOutputsThatCannotBeLookedUp: the result is taken, and its outputs
// are there when S3 answers again.
func TestUploadedOutputsThatCannotBeLookedUp(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	body := []byte("PK outputs")
	must(t, w.artifacts.Put(w.ctx, "results/j/0/1/upload-"+measure(body).SHA256[:1]+".zip", body, measure(body)))
	r := report(c, result("AC"))
	r.Outputs = measure(body)
	w.artifacts.statFails = true
	w.granted(w.Complete(w.ctx, r))
	w.artifacts.statFails = false
	if j := w.get("j"); j.Result.Outputs != "results/j/0/1/upload-"+measure(body).SHA256[:1]+".zip" {
		t.Errorf("its outputs are %q", j.Result.Outputs)
	}
}

func TestOutputsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	for size, want := range map[int64]job.Outcome{dispatch.MaxOutputs: job.OK, dispatch.MaxOutputs + 1: dispatch.OutputsTooLarge} {
		_, answer, err := w.UploadOutputs(w.ctx, "j", "r", auth.Hash(c.Token), job.Artifact{Size: size, SHA256: measure(nil).SHA256})
		w.refused(want, answer, err)
	}
}

func TestOutputsAreOfOneGenerationAndAttempt(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.claim("j", "r")
	w.granted2(w.Rejudge(w.ctx, "j", 0, ""))
	w.granted(w.Complete(w.ctx, report(w.claim("j", "r"), loud("AC"))))
	if got, want := w.get("j").Result.Outputs, "results/j/1/2/"; !strings.HasPrefix(got, want) {
		t.Errorf("outputs at %s, want below %s", got, want)
	}
}

func TestHandwrittenJobRingsNoBell(t *testing.T) {
	w := newWorld(t)
	r := inline("j")
	r.Language = job.Handwritten
	_, answer, err := w.Create(w.ctx, r)
	w.granted(answer, err)
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// TestCreateThatAnotherOvertakes: between the look and the write somebody else
// creates the job.
func TestCreateThatAnotherOvertakes(t *testing.T) {
	awaited := inline("j")
	awaited.Inline = nil
	other := inline("j")
	other.Group = "other"
	for _, c := range []struct {
		name     string
		ours     dispatch.CreateRequest
		theirs   dispatch.CreateRequest
		want     job.Outcome
		state    job.State
		mayStore bool // the reply says where to upload the code
	}{
		{"the same", inline("j"), inline("j"), job.OK, job.Queued, false},
		{"the same, its code still awaited", inline("j"), awaited, job.OK, job.Queued, false},
		{"ours waits for its code, theirs has it", awaited, inline("j"), job.OK, job.Queued, false},
		{"both wait for their code", awaited, awaited, job.OK, job.Created, true},
		{"other content", inline("j"), other, job.JobConflict, job.Queued, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.watch().once("create", func() {
				_, answer, err := w.Create(w.ctx, c.theirs)
				w.granted(answer, err)
			})
			made, answer, err := w.Create(w.ctx, c.ours)
			w.refused(c.want, answer, err)
			j := w.get("j")
			if j.State != c.state || made.New || (made.Upload != nil) != c.mayStore || j.Group != c.theirs.Group {
				t.Errorf("made %+v, there is %+v", made, j)
			}
		})
	}
}

func TestSubmitChecksTheCode(t *testing.T) {
	code := zips.Code("")
	key := "code/j/" + measure(code).SHA256 + ".zip"
	for _, c := range []struct {
		name string
		put  []byte
		want job.Outcome
	}{
		{"not there", nil, dispatch.UploadMissing},
		{"something else", []byte("PK evil"), dispatch.UploadMismatch},
		{"shorter", code[:3], dispatch.UploadMismatch},
		{"as announced", code, job.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			_, answer, err := w.Create(w.ctx, dispatch.CreateRequest{CreateOp: job.CreateOp{ID: "j", Problem: 1, Code: measure(code)}})
			w.granted(answer, err)
			if c.put != nil {
				must(t, w.artifacts.Put(w.ctx, key, c.put, measure(c.put)))
			}
			_, answer, err = w.Submit(w.ctx, "j")
			w.refused(c.want, answer, err)
			if queued := w.get("j").State == job.Queued; queued != (c.want == job.OK) {
				t.Errorf("queued %v", queued)
			}
		})
	}
	t.Run("repeated after its end, its code expired", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		w.granted2(w.Cancel(w.ctx, "j"))
		w.Objects = newWorld(t).artifacts // an empty place
		w.granted2(w.Submit(w.ctx, "j"))
	})
}

func TestHeartbeatBeyondTheLongestRunLetsTheMessageCome(t *testing.T) {
	w := newWorld(t)
	w.withHandle("j")
	for range 71 { // nearly an hour
		w.pass(50 * time.Second)
		_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
		w.granted(answer, err)
	}
	w.pass(50 * time.Second) // beyond
	seen := w.watch()
	action, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
	w.granted(answer, err)
	if action != dispatch.ActionCancel || len(seen.calls) != 0 {
		t.Errorf("action %s, calls %v", action, seen.calls)
	}
}

func TestMessagesStayHiddenDuringTheLease(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.listed()
	w.claim("j", "r")
	visible := func() int {
		t.Helper()
		n, err := w.queue.Depth(w.ctx)
		must(t, err)
		return n.Visible
	}
	w.pass(3 * time.Second)
	w.listed() // gives the message to the claim
	w.pass(56 * time.Second)
	if visible() != 0 {
		t.Error("the message that was given to the claim is back before the lease ends")
	}
	// A second message of the same bell, by a request that was repeated.
	_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
	w.granted(answer, err)
	must(t, w.queue.Ring(w.ctx, job.Message{Job: "j", Bell: 1}))
	w.listed()
	w.pass(58 * time.Second)
	if visible() != 0 {
		t.Error("the second message is back before the lease ends")
	}
}

// TestReceiverThatALateHeartbeatOvertakes: the job was over when it was read,
// and goes on when it is written: its message stays.
func TestReceiverThatALateHeartbeatOvertakes(t *testing.T) {
	w := newWorld(t)
	w.withHandle("j")
	w.granted2(w.Cancel(w.ctx, "j"))
	w.pass(time.Minute)
	seen := w.watch()
	seen.once("save", func() {
		_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
		w.granted(answer, err)
	})
	w.listed()
	if j := w.get("j"); j.State != job.Claimed || seen.count("delete") != 0 || w.messages() != 1 {
		t.Errorf("%s, calls %v, %d messages", j.State, seen.calls, w.messages())
	}
}

func TestListShowsJobsEvenIfTheQueueFailsBehindIt(t *testing.T) {
	for name, fail := range map[string]func(*brokenQueue){
		"hide":   func(q *brokenQueue) { q.hideFails = true },
		"delete": func(q *brokenQueue) { q.deleteFails = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create("spent")
			w.granted2(w.Cancel(w.ctx, "spent"))
			must(t, w.queue.Ring(w.ctx, job.Message{Job: "under way", Bell: 1}))
			w.create("j")
			fail(w.queue)
			if got := w.listed(); len(got) != 1 || got[0] != "j" {
				t.Errorf("listed %v", got)
			}
		})
	}
}

// abandoned makes jobs whose cancel was asked and whose runner has been silent.
func (w *world) abandoned(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		w.create(id)
		w.claim(id, "dead")
		w.granted2(w.Cancel(w.ctx, id))
	}
	w.pass(2 * time.Minute)
}

func TestSweepLooksAtTheOldestOfEveryShard(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprint("j", i))
	}
	w.abandoned(ids...)
	if s := w.sweep(); s.Ended != len(ids) {
		t.Errorf("swept %+v, want all %d ended at once", s, len(ids))
	}
}

func TestSweepGoesOnBehindAJobThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	w.abandoned("a", "b", "c")
	first := true
	w.watch().before = func(call string) error {
		if call == "save" && first {
			first = false
			return errBroken
		}
		return nil
	}
	// It is seen twice: among the oldest, and perhaps in the page.
	if s := w.sweep(); s.Failed != 1 || s.Ended < 2 {
		t.Errorf("swept %+v", s)
	}
}

func TestMarkOfTheSweepHasAVersion(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	for want := int64(1); want <= 3; want++ {
		w.sweep()
		m, err := w.store.Mark(w.ctx)
		must(t, err)
		if m.Revision != want {
			t.Fatalf("version %d after %d runs", m.Revision, want)
		}
	}
}

func TestSyncReportsForItsOwnRunnerOnly(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	done := report(w.claim("j", "r"), result("AC"))
	if s := w.sync(dispatch.SyncRequest{Runner: "other", Done: []dispatch.CompleteRequest{done}}); s.Done[0].Outcome != job.NotClaimed {
		t.Errorf("taken from another: %+v", s.Done)
	}
	done.Runner = ""
	if s := w.sync(dispatch.SyncRequest{Runner: "r", Done: []dispatch.CompleteRequest{done}}); !s.Done[0].OK() {
		t.Errorf("not taken from its runner: %+v", s.Done)
	}
}

// TestPublishOfTestDataThatHasJustGone: its days as a draft's end between the look
// at it and the write.
func TestPublishOfTestDataThatHasJustGone(t *testing.T) {
	w := newWorld(t)
	p, _, err := w.Problem(w.ctx, 1)
	must(t, err)
	p.Current.Rules.StopOnFailure = true
	_, _, err = w.PutProblem(w.ctx, 1, p.Current, "")
	must(t, err)
	w.watch().once("keep", func() {
		must(t, w.artifacts.Remove(w.ctx, []string{"testdata/1/" + p.Current.Testdata.SHA256 + ".zip"}))
	})
	_, changed, answer, err := w.Publish(w.ctx, 1)
	w.refused(dispatch.UploadMissing, answer, err)
	if changed {
		t.Error("a version without its test data was published")
	}
}

func TestPublishThatAnotherOvertakes(t *testing.T) {
	w := newWorld(t)
	shape := func() problem.Content {
		return problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 2, MemoryLimit: 1, TimeLimit: 1}, {Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}
	}
	ours, theirs := shape(), shape()
	theirs.Tasks[0].TimeLimit = 2
	_, _, err := w.PutProblem(w.ctx, 1, ours, "")
	must(t, err)
	w.watch().once("save problem", func() {
		_, _, err := w.PutProblem(w.ctx, 1, theirs, "")
		must(t, err)
	})
	p, changed, answer, err := w.Publish(w.ctx, 1)
	w.granted(answer, err)
	stored, _, err := w.store.Problem(w.ctx, 1)
	must(t, err)
	if !changed || p.Version != 2 || p.Current.Tasks[0] != theirs.Tasks[0] || stored.Version != 2 || stored.Revision != p.Revision {
		t.Errorf("published %+v, stored %+v", p, stored)
	}
}
