package dispatch_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

func TestTheWholePath(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Fatal(diff)
	}
	c := w.claim("j", "r")
	if c.HeartbeatSeconds != 20 || c.Content.Testdata.SHA256 == "" || c.TestdataURL == "" || c.CodeURL != "" || c.Code != nil {
		t.Errorf("claimed as %+v", c)
	}
	w.pass(30 * time.Second)
	action, answer, err := w.Heartbeat(w.ctx, "j", "r", auth.Hash(c.Token))
	w.granted(answer, err)
	if action != dispatch.ActionContinue {
		t.Errorf("action %s", action)
	}
	w.granted(w.Complete(w.ctx, report(c, result("AC"))))

	j := w.get("j")
	if j.State != job.Finished || j.Result.Score != 100 || j.Result.RunTime != 3 || j.Attempt != 1 {
		t.Errorf("finished as %+v %+v", j, j.Result)
	}
	w.pass(time.Hour)
	if got := w.listed(); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestListHidesForThreeSeconds(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {2999 * time.Millisecond, 0}, {time.Millisecond, 1}, {0, 0}} {
		w.pass(step.after)
		if got := len(w.listed()); got != step.want {
			t.Fatalf("after %s: listed %d, want %d", step.after, got, step.want)
		}
	}
}

func TestListIsInTheOrderOfQueueing(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.create(fmt.Sprintf("j%d", i))
		w.pass(time.Second)
	}
	if diff := cmp.Diff([]string{"j0", "j1", "j2", "j3", "j4"}, w.listed()); diff != "" {
		t.Error(diff)
	}
}

func TestSilentRunnerIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.listed()
	first := w.claim("j", "a")
	// A poll during the lease gives the message to the claim and hides it.
	w.pass(3 * time.Second)
	if got := w.listed(); len(got) != 0 {
		t.Fatalf("listed %v", got)
	}
	if w.get("j").Claim.Handle == "" {
		t.Error("the claim does not know its message")
	}
	w.pass(56999 * time.Millisecond)
	if got := w.listed(); len(got) != 0 {
		t.Fatalf("listed %v before the lease ended", got)
	}
	w.pass(2 * time.Second)
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Fatal(diff)
	}
	second := w.claim("j", "b")
	if second.Job.Attempt != 2 || second.Job.Failures != 1 {
		t.Errorf("claimed as %+v", second.Job)
	}
	answer, err := w.Complete(w.ctx, report(first, result("WA")))
	w.refused(job.NotClaimed, answer, err)
	w.granted(w.Complete(w.ctx, report(second, result("AC"))))
	j := w.get("j")
	if j.Result.Attempt != 2 || j.Past[0].Late == nil || !j.Disputed {
		t.Errorf("finished as %+v", j)
	}
}

func TestHeartbeatMovesTheMessageToo(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.listed()
	c := w.claim("j", "a")
	w.pass(4 * time.Second)
	w.listed() // attaches
	for range 20 {
		w.pass(50 * time.Second)
		_, answer, err := w.Heartbeat(w.ctx, "j", "a", auth.Hash(c.Token))
		w.granted(answer, err)
		if n, _ := w.queue.Depth(w.ctx); n.Visible != 0 {
			t.Fatal("the message came back during the lease")
		}
	}
}

func TestThreeRunnersThatLoseAJobFinishItWithJE(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	for _, runner := range []string{"a", "b", "c"} {
		if got := w.listed(); len(got) != 1 {
			t.Fatalf("listed %v", got)
		}
		w.claim("j", runner)
		w.pass(61 * time.Second)
	}
	w.listed()
	j := w.get("j")
	if j.State != job.Finished || j.Result.Status != job.StatusJE || len(j.Past) != 3 {
		t.Errorf("ended as %+v", j)
	}
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestRingComesBeforeTheWrite(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(w *world) // leaves a job j
		act     func(w *world) error
	}{
		{"submit", func(w *world) {
			code := zips.Code("")
			_, answer, err := w.Create(w.ctx, dispatch.CreateRequest{CreateOp: job.CreateOp{ID: "j", Problem: 1, Code: measure(code)}})
			w.granted(answer, err)
			must(w.t, w.artifacts.Put(w.ctx, "code/j/"+measure(code).SHA256+".zip", code, measure(code)))
		}, func(w *world) error {
			_, _, err := w.Submit(w.ctx, "j")
			return err
		}},
		{"release", func(w *world) { w.create("j"); w.listed(); w.claim("j", "r") }, func(w *world) error {
			_, err := w.Release(w.ctx, "j", "r", w.get("j").Claim.TokenHash, job.ReasonDrain, "")
			return err
		}},
		{"rejudge", func(w *world) { w.create("j"); w.granted2(w.Cancel(w.ctx, "j")) }, func(w *world) error {
			_, _, err := w.Rejudge(w.ctx, "j", 0, "")
			return err
		}},
	} {
		t.Run(c.name+", ring fails: nothing is written", func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w)
			before := w.get("j")
			w.queue.ringFails = true
			if err := c.act(w); err == nil {
				t.Fatal("it succeeded")
			}
			if diff := cmp.Diff(before, w.get("j")); diff != "" {
				t.Error(diff)
			}
		})
		t.Run(c.name+", write fails: repeating it leaves one job to offer", func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w)
			rung := w.messages()
			w.store.saveFails = true
			if err := c.act(w); err == nil {
				t.Fatal("it succeeded")
			}
			if w.messages() != rung+1 {
				t.Fatal("the bell was not rung before the write")
			}
			w.store.saveFails = false
			must(t, c.act(w))
			w.pass(time.Minute)
			if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
				t.Error(diff)
			}
		})
		t.Run(c.name+", reply lost: it is done", func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w)
			w.store.replyIsLost = true
			if err := c.act(w); err == nil {
				t.Fatal("it succeeded")
			}
			w.store.replyIsLost = false
			if j := w.get("j"); j.State != job.Queued {
				t.Fatalf("state %s", j.State)
			}
			w.pass(time.Minute)
			if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (w *world) granted2(_ job.Job, answer dispatch.Answer, err error) {
	w.t.Helper()
	w.granted(answer, err)
}

func TestMessageOfAWriterThatDied(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	must(t, w.queue.Ring(w.ctx, job.Message{Job: "j", Bell: 7}))
	must(t, w.queue.Ring(w.ctx, job.Message{Job: "unknown", Bell: 1}))
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Error(diff)
	}
	c := w.claim("j", "r")
	w.granted(w.Complete(w.ctx, report(c, result("AC"))))
	w.pass(time.Second)
	w.listed()
	if n := w.messages(); n != 3 {
		t.Errorf("%d messages; a message of a writer under way must wait", n)
	}
	for range 30 {
		w.pass(time.Minute)
		w.listed()
	}
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestQueueFailuresAfterTheWriteDoNotFailTheRequest(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.listed()
	c := w.claim("j", "r")
	w.pass(4 * time.Second)
	w.listed() // attaches
	w.queue.hideFails, w.queue.deleteFails = true, true
	_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
	w.granted(answer, err)
	w.granted(w.Complete(w.ctx, report(c, result("AC"))))
	if n := w.messages(); n != 1 {
		t.Fatalf("%d messages", n)
	}
	w.queue.hideFails, w.queue.deleteFails = false, false
	w.pass(2 * time.Minute)
	w.listed()
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestConflicts(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.claim("j", "r")
	// Somebody else's write before each of ours.
	w.store.meanwhile = func() {
		j := w.get("j")
		next := j
		next.Revision++
		next.WriteID = fmt.Sprintf("other %d", next.Revision)
		if _, saved, _ := w.store.Store.Save(w.ctx, j, next); !saved {
			t.Fatal("not saved")
		}
	}
	w.pass(time.Minute)
	if _, _, err := w.Heartbeat(w.ctx, "j", "r", ""); err == nil {
		t.Error("a write was made over another's")
	}
	once := w.store.meanwhile
	w.store.meanwhile = func() { w.store.meanwhile = nil; once() }
	_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
	w.granted(answer, err)
}

func TestCreate(t *testing.T) {
	w := newWorld(t)
	made, answer, err := w.Create(w.ctx, inline("j"))
	w.granted(answer, err)
	if !made.New || made.Upload != nil || made.Job.State != job.Queued {
		t.Errorf("made %+v", made)
	}
	again, answer, err := w.Create(w.ctx, inline("j"))
	w.granted(answer, err)
	if again.New || again.Job.Revision != 1 {
		t.Errorf("made again %+v", again)
	}
	other := inline("j")
	other.Language = job.CPP
	_, answer, err = w.Create(w.ctx, other)
	w.refused(job.JobConflict, answer, err)

	unknown := inline("k")
	unknown.Problem = 2
	_, answer, err = w.Create(w.ctx, unknown)
	w.refused(dispatch.ProblemNotFound, answer, err)
	_, _, err = w.PutProblem(w.ctx, 2, problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}, "")
	must(t, err)
	_, answer, err = w.Create(w.ctx, unknown)
	w.refused(dispatch.ProblemNotFound, answer, err)

	handwritten := inline("h")
	handwritten.Language = job.Handwritten
	made, answer, err = w.Create(w.ctx, handwritten)
	w.granted(answer, err)
	if made.Job.State != job.Created || made.Job.Bell != 0 {
		t.Errorf("made %+v", made.Job)
	}
	w.pass(time.Minute)
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Error(diff)
	}
}

func TestCreateInlineQueuesAJobThatAwaitsItsUpload(t *testing.T) {
	w := newWorld(t)
	upload := inline("j")
	upload.Inline = nil
	made, answer, err := w.Create(w.ctx, upload)
	w.granted(answer, err)
	if made.Upload == nil || made.Job.State != job.Created {
		t.Fatalf("made %+v", made)
	}
	made, answer, err = w.Create(w.ctx, inline("j"))
	w.granted(answer, err)
	if made.New || made.Job.State != job.Queued {
		t.Errorf("made %+v", made)
	}
	w.pass(time.Minute)
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Error(diff)
	}
}

func TestSubmit(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.artifacts.Artifacts)
	defer server.Close()
	code := zips.Code("")
	made, answer, err := w.Create(w.ctx, dispatch.CreateRequest{CreateOp: job.CreateOp{ID: "j", Problem: 1, Code: measure(code)}})
	w.granted(answer, err)
	_, answer, err = w.Submit(w.ctx, "j")
	w.refused(dispatch.UploadMissing, answer, err)
	_, answer, err = w.Submit(w.ctx, "unknown")
	w.refused(job.NotFound, answer, err)

	at, err := url.Parse(made.Upload.URL)
	must(t, err)
	request, err := http.NewRequestWithContext(w.ctx, made.Upload.Method, server.URL+at.RequestURI(), bytes.NewReader(code))
	must(t, err)
	for name, value := range made.Upload.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	for range 2 {
		j, answer, err := w.Submit(w.ctx, "j")
		w.granted(answer, err)
		if j.State != job.Queued || j.Bell != 1 {
			t.Errorf("submitted as %+v", j)
		}
	}
}

func TestClaimRefusals(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "unknown", Runner: "r"})
	w.refused(job.NotFound, answer, err)
	for _, lease := range []int{-1, 0, 1, 29, 901} {
		_, answer, err = w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r", LeaseSeconds: &lease})
		w.refused(dispatch.InvalidLease, answer, err)
	}
	c, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r"})
	w.granted(answer, err)
	if c.Job.Claim.LeaseSeconds != 600 || c.HeartbeatSeconds != 60 {
		t.Errorf("lease %d, heartbeat %d", c.Job.Claim.LeaseSeconds, c.HeartbeatSeconds)
	}
	_, answer, err = w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r"})
	w.refused(job.AlreadyClaimed, answer, err)
}

func TestClaimPinsTheVersion(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	_, _, err := w.PutProblem(w.ctx, 1, problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 2, MemoryLimit: 1, TimeLimit: 1}, {Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}, "")
	must(t, err)
	p, changed, answer, err := w.Publish(w.ctx, 1)
	w.granted(answer, err)
	if !changed || p.Version != 2 || p.Current.Testdata != c.Content.Testdata {
		t.Fatalf("published %+v", p)
	}
	w.granted(w.Complete(w.ctx, report(c, result("AC"))))
	if j := w.get("j"); j.Result.Score != 100 || j.Past[0].ProblemVersion != 1 {
		t.Errorf("finished as %+v", j)
	}
}

func TestOnlyTheHolderGetsAnything(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	for _, who := range []struct {
		name, runner, hash string
		want               job.Outcome
	}{
		{"the holder", "r", auth.Hash(c.Token), job.OK},
		{"the holder without a token", "r", "", job.OK},
		{"the holder with another token", "r", auth.Hash("x"), job.InvalidToken},
		{"another", "s", auth.Hash(c.Token), job.NotClaimed},
	} {
		t.Run(who.name, func(t *testing.T) {
			w := &world{Dispatcher: w.Dispatcher, t: t, ctx: w.ctx}
			_, answer, err := w.Code(w.ctx, "j", who.runner, who.hash, false)
			w.refused(who.want, answer, err)
			_, answer, err = w.Testdata(w.ctx, "j", who.runner, who.hash)
			w.refused(who.want, answer, err)
			_, answer, err = w.UploadOutputs(w.ctx, "j", who.runner, who.hash, measure([]byte("x")))
			w.refused(who.want, answer, err)
			_, answer, err = w.Heartbeat(w.ctx, "j", who.runner, who.hash)
			w.refused(who.want, answer, err)
		})
	}
	_, answer, err := w.Code(w.ctx, "unknown", "r", "", false)
	w.refused(job.NotFound, answer, err)
}

func TestInvalidResultLeavesTheClaimGood(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	answer, err := w.Complete(w.ctx, report(c, []byte(`[[],[]]`)))
	w.refused(dispatch.InvalidResult, answer, err)
	if want := "tasks[0]: want 2 cases, got 0"; answer.Detail != want {
		t.Errorf("detail %q, want %q", answer.Detail, want)
	}
	w.granted(w.Complete(w.ctx, report(c, result("WA"))))
	if j := w.get("j"); j.Result.Status != int(judge.WA) || j.Result.Score != 0 {
		t.Errorf("finished as %+v", j.Result)
	}
}

func TestCompleteAgain(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	for range 2 {
		w.granted(w.Complete(w.ctx, report(c, result("AC"))))
	}
	answer, err := w.Complete(w.ctx, report(c, result("WA")))
	w.refused(job.ResultConflict, answer, err)
	if j := w.get("j"); j.Result.Score != 100 {
		t.Errorf("score %d", j.Result.Score)
	}
}

func TestOutputs(t *testing.T) {
	for name, tc := range map[string]struct {
		tasks          []byte
		stdout         string
		first, further []string // calls to S3 while the result is taken, and for each look at the outputs
	}{
		"small":      {result("AC"), "out", nil, []string{"stat"}},
		"in the zip": {loud("AC"), noise, []string{"put"}, nil},
	} {
		t.Run("in the body, "+name, func(t *testing.T) {
			w := newWorld(t)
			w.create("j")
			_, answer, err := w.Outputs(w.ctx, "j")
			w.refused(dispatch.OutputsNotFound, answer, err)
			c := w.claim("j", "r")
			seen := w.watch()
			objects := func() (calls []string) {
				for _, call := range seen.calls {
					if call == "put" || call == "stat" {
						calls = append(calls, call)
					}
				}
				seen.calls = nil
				return calls
			}
			w.granted(w.Complete(w.ctx, report(c, tc.tasks)))
			if diff := cmp.Diff(tc.first, objects()); diff != "" {
				t.Errorf("while the result was taken: -want +got\n%s", diff)
			}
			want := map[string]string{}
			for _, place := range []string{"0000", "0001", "0100"} {
				want[place+".stdout"], want[place+".stderr"] = tc.stdout, ""
			}
			for look := range 3 {
				d, answer, err := w.Outputs(w.ctx, "j")
				w.granted(answer, err)
				calls := tc.further
				if look == 0 && name == "small" {
					calls = []string{"stat", "put"}
				}
				if diff := cmp.Diff(calls, objects()); diff != "" {
					t.Errorf("look %d: -want +got\n%s", look, diff)
				}
				if diff := cmp.Diff(want, w.unzipped(d.URL)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	t.Run("of every generation its own", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		w.granted(w.Complete(w.ctx, report(w.claim("j", "r"), result("AC"))))
		_, answer, err := w.Outputs(w.ctx, "j")
		w.granted(answer, err)
		w.granted2(w.Rejudge(w.ctx, "j", 0, ""))
		_, answer, err = w.Outputs(w.ctx, "j")
		w.refused(dispatch.OutputsNotFound, answer, err)
		w.granted(w.Complete(w.ctx, report(w.claim("j", "r"), result("WA"))))
		d, answer, err := w.Outputs(w.ctx, "j")
		w.granted(answer, err)
		if !strings.Contains(d.URL, "results/j/1/2/") {
			t.Errorf("outputs at %s", d.URL)
		}
	})
	t.Run("that cannot be stored when they are asked for are asked for again", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		w.granted(w.Complete(w.ctx, report(w.claim("j", "r"), result("AC"))))
		w.artifacts.putFails = true
		if _, _, err := w.Outputs(w.ctx, "j"); err == nil {
			t.Error("no error")
		}
		w.artifacts.putFails = false
		_, answer, err := w.Outputs(w.ctx, "j")
		w.granted(answer, err)
	})
	t.Run("that cannot be stored are missing, the verdict counts", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		w.artifacts.putFails = true
		w.granted(w.Complete(w.ctx, report(w.claim("j", "r"), loud("AC"))))
		if j := w.get("j"); j.Result.Score != 100 || j.Result.Outputs != job.OutputsMissing {
			t.Errorf("finished as %+v", j.Result)
		}
		_, answer, err := w.Outputs(w.ctx, "j")
		w.refused(dispatch.OutputsNotFound, answer, err)
	})
	t.Run("uploaded", func(t *testing.T) {
		w := newWorld(t)
		w.create("j")
		c := w.claim("j", "r")
		body := []byte("PK outputs")
		r := report(c, result("AC"))
		r.Outputs = measure(body)
		_, answer, err := w.UploadOutputs(w.ctx, "j", "r", r.TokenHash, r.Outputs)
		w.granted(answer, err)
		key := "results/j/0/1/upload-" + r.Outputs.SHA256[:1] + ".zip"
		must(t, w.artifacts.Put(w.ctx, key, body, r.Outputs))
		wrong := r
		wrong.Outputs.Size++
		answer, err = w.Complete(w.ctx, wrong)
		w.refused(dispatch.OutputsMismatch, answer, err)
		w.granted(w.Complete(w.ctx, r))
		if j := w.get("j"); j.Result.Outputs != key {
			t.Errorf("outputs %q", j.Result.Outputs)
		}
	})
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.create("k")
	w.granted2(w.Cancel(w.ctx, "j"))
	w.listed()
	c := w.claim("k", "r")
	w.granted2(w.Cancel(w.ctx, "k"))
	action, answer, err := w.Heartbeat(w.ctx, "k", "r", "")
	w.granted(answer, err)
	if action != dispatch.ActionCancel {
		t.Errorf("action %s", action)
	}
	answer, err = w.Complete(w.ctx, report(c, result("AC")))
	w.refused(job.JobCancelled, answer, err)
	for _, id := range []string{"j", "k"} {
		if j := w.get(id); j.State != job.Cancelled {
			t.Errorf("%s is %s", id, j.State)
		}
	}
	w.pass(time.Hour)
	w.listed()
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestRejudgeFencesOlderGenerations(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	old := w.claim("j", "r")
	w.granted2(w.Rejudge(w.ctx, "j", 0, ""))
	answer, err := w.Complete(w.ctx, report(old, result("AC")))
	w.refused(job.NotClaimed, answer, err)
	w.pass(time.Minute)
	if diff := cmp.Diff([]string{"j"}, w.listed()); diff != "" {
		t.Error(diff)
	}
	fresh := w.claim("j", "r")
	if fresh.Job.Attempt != 2 || fresh.Job.Generation != 1 {
		t.Errorf("claimed as %+v", fresh.Job)
	}
	// The old process of the same runner shows its old token.
	answer, err = w.Complete(w.ctx, report(old, result("AC")))
	w.refused(job.InvalidToken, answer, err)
	w.granted(w.Complete(w.ctx, report(fresh, result("WA"))))
	if j := w.get("j"); j.Result.Status != int(judge.WA) {
		t.Errorf("finished as %+v", j.Result)
	}
}

func TestQuery(t *testing.T) {
	w := newWorld(t)
	w.create("b")
	w.create("a")
	jobs, missing, err := w.Query(w.ctx, []string{"a", "x", "b", "a"})
	must(t, err)
	if len(jobs) != 2 || jobs[0].ID != "a" || jobs[1].ID != "b" {
		t.Errorf("jobs %+v", jobs)
	}
	if diff := cmp.Diff([]string{"x"}, missing); diff != "" {
		t.Error(diff)
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	_, _, answer, err := w.Publish(w.ctx, 9)
	w.refused(dispatch.ProblemNotFound, answer, err)
	p, changed, answer, err := w.Publish(w.ctx, 1)
	w.granted(answer, err)
	if changed || p.Version != 1 {
		t.Errorf("an unchanged draft made %d", p.Version)
	}
	draft := p.Current
	other := zips.Of(zips.File{Name: "0000.in", Text: "of another problem"})
	draft.Testdata = measure(other)
	d, _, err := w.PutProblem(w.ctx, 1, draft, "")
	must(t, err)
	if d.New || d.Upload == nil {
		t.Errorf("drafted %+v", d)
	}
	_, _, answer, err = w.Publish(w.ctx, 1)
	w.refused(dispatch.UploadMissing, answer, err)
	must(t, w.artifacts.Put(w.ctx, "testdata/1/"+draft.Testdata.SHA256+".zip", other, draft.Testdata))
	_, _, answer, err = w.Publish(w.ctx, 1)
	w.refused(dispatch.InvalidTestdata, answer, err)
	if answer.Findings == nil || len(answer.Findings.List) != 5 {
		t.Errorf("found %+v, want the five files that are missing", answer.Findings)
	}

	other = zips.TestData(2, 1)
	other = append(other[:len(other)-2:len(other)-2], "\x01\x00x"...) // with a comment
	draft.Testdata = measure(other)
	_, _, err = w.PutProblem(w.ctx, 1, draft, "")
	must(t, err)
	must(t, w.artifacts.Put(w.ctx, "testdata/1/"+draft.Testdata.SHA256+".zip", other, draft.Testdata))
	p, changed, answer, err = w.Publish(w.ctx, 1)
	w.granted(answer, err)
	if !changed || p.Version != 2 {
		t.Errorf("published %+v", p)
	}
}

func TestClaimTokensComeFromTheRandomSource(t *testing.T) {
	tokens := map[string]bool{}
	for range 2 {
		w := newWorld(t)
		w.create("j")
		w.Random = fixedRandom()
		tokens[w.claim("j", "r").Token] = true
	}
	if len(tokens) != 1 {
		t.Errorf("the same source made %d tokens", len(tokens))
	}
}

func TestRepeatedCreatesLeaveOneMessage(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	other := inline("j")
	other.Group = "other"
	for range 20 {
		w.create("j")
		_, answer, err := w.Create(w.ctx, other)
		w.refused(job.JobConflict, answer, err)
	}
	if n := w.messages(); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestConflictsRingOnce(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.claim("j", "r")
	w.store.meanwhile = func() {
		w.store.meanwhile = nil
		was := w.get("j").Revision
		w.pass(5 * time.Minute) // an early heartbeat writes nothing
		_, answer, err := w.Heartbeat(w.ctx, "j", "r", "")
		w.granted(answer, err)
		if w.get("j").Revision == was {
			t.Error("nothing was written in between")
		}
	}
	before := w.messages()
	w.granted(w.Release(w.ctx, "j", "r", w.get("j").Claim.TokenHash, job.ReasonDrain, ""))
	if n := w.messages() - before; n != 1 {
		t.Errorf("rang %d times", n)
	}
}

func TestListLooksBehindSpentMessages(t *testing.T) {
	w := newWorld(t)
	for i := range 9 {
		id := fmt.Sprintf("j%d", i)
		w.create(id)
		if i < 8 {
			w.granted2(w.Cancel(w.ctx, id))
		}
		w.pass(time.Millisecond)
	}
	l, _, err := w.List(w.ctx, job.Candidate{Runner: "lister"}, 4)
	must(t, err)
	if len(l.Jobs) != 1 || l.Jobs[0].ID != "j8" {
		t.Errorf("listed %+v", l)
	}
}

func TestListOfSpentMessagesOnlyIsNotIdle(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		id := fmt.Sprintf("j%d", i)
		w.create(id)
		w.granted2(w.Cancel(w.ctx, id))
	}
	l, _, err := w.List(w.ctx, job.Candidate{Runner: "lister"}, 4)
	must(t, err)
	if len(l.Jobs) != 0 || l.PollSeconds != 1 {
		t.Errorf("listed %+v", l)
	}
}

func TestRepeatedCompleteOfACancelledJob(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	c := w.claim("j", "r")
	w.granted2(w.Cancel(w.ctx, "j"))
	for range 2 {
		answer, err := w.Complete(w.ctx, report(c, result("AC")))
		w.refused(job.JobCancelled, answer, err)
	}
	if j := w.get("j"); j.Past[0].Late != nil || j.Past[0].Verdict == nil {
		t.Errorf("noted as %+v", j.Past[0])
	}
}
