package faults

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

const (
	jobs    = 24 // at least
	runners = 4
	// spoiled is how long a service is spoiled and jobs are handed in, at least;
	// the producer's own requests may take longer to get through.
	spoiled = 12 * time.Second
	// recovery bounds what is left to do when the faults are over: two leases of
	// claims whose reply was lost, one after the other, the longest time that a
	// message is hidden behind a lost write, and the work itself: a minute and a half,
	// and three times as long on a slow machine.
	recovery = 5 * time.Minute
)

// caller makes requests of the API.
type caller struct{ wire.Client }

// answer is a reply; status 0: there was none.
type answer struct {
	status int
	Code   string
	Data   data
}

// data is what the tests read of replies: of a job, a claim and a list.
type data struct {
	Token      string
	Attempt    int
	Generation int
	Failures   int
	State      string
	Status     int
	Code       struct{ URL string }
	Jobs       []struct{ SubmissionID string }
	Attempts   []attempt
}

type attempt struct {
	Attempt, Generation int
	Runner              string
	How                 *string
}

// call makes a request as a runner, or as the producer if runner is empty.
func (c caller) call(ctx context.Context, method, path, runner, body string) answer {
	reply, err := c.Do(ctx, method, path, runner, body)
	var a answer
	if err != nil || reply.Into(&a) != nil {
		return answer{}
	}
	a.status = reply.Status
	return a
}

// client is a caller in a test.
type client struct {
	t *testing.T
	caller
}

func (w client) must(status int, method, path, runner, body string) answer {
	w.t.Helper()
	a := w.call(w.t.Context(), method, path, runner, body)
	if a.status != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.Code, status)
	}
	return a
}

// repeat makes a request until it is answered by something else than a fault.
func (c caller) repeat(ctx context.Context, method, path, runner, body string) answer {
	for {
		a := c.call(ctx, method, path, runner, body)
		if a.status != 0 && a.status < 500 || ctx.Err() != nil {
			return a
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// newJob has code that is kept with the job or, for every other id, is an object.
func newJob(id string) string {
	text := ""
	if id[len(id)-1]%2 == 0 {
		text = strings.Repeat("x", dispatch.MaxCodeInline)
	}
	return fmt.Sprintf(`{"submissionId":%q,"problemId":1,"language":1,"code":%q}`, id, zips.Inline(text))
}

// handed is what was handed in, and what was asked of it after.
type handed struct {
	ids             []string
	rejudged, asked map[string]bool // asked: to be cancelled
}

// handIn hands in one more job. Now and then it rejudges or cancels what was handed in
// a moment ago, and may be under way.
func (w client) handIn(ctx context.Context, h *handed) {
	w.t.Helper()
	n := len(h.ids)
	id := fmt.Sprintf("job-%d", n)
	h.ids = append(h.ids, id)
	if a := w.repeat(ctx, "POST", "/jobs", "", newJob(id)); a.status != 200 && a.status != 201 {
		w.t.Fatalf("create %s: %d %s", id, a.status, a.Code)
	}
	switch n % 6 {
	case 4:
		w.repeat(ctx, "POST", "/jobs/"+h.ids[n-2]+"/rejudge", "", `{"generation":0}`)
		h.rejudged[h.ids[n-2]] = true
	case 5:
		if a := w.repeat(ctx, "POST", "/jobs/"+h.ids[n-1]+"/cancel", "", ""); a.status == 200 {
			h.asked[h.ids[n-1]] = true
		}
	}
}

// allFinal waits until every job is final, and returns how many were not yet when it
// came to them.
func (w client) allFinal(h *handed) (open int, took time.Duration) {
	w.t.Helper()
	over := time.Now()
	for _, id := range h.ids {
		final := func() bool {
			state := w.must(200, "GET", "/jobs/"+id, "", "").Data.State
			return state == "finished" || state == "cancelled"
		}
		if !final() {
			open++
			until.True(w.t, recovery-time.Since(over), id+" is final", final)
		}
	}
	return open, time.Since(over)
}

// result has outputs that are kept with the verdict, or, for every other token,
// are stored as an object. The same token has the same result.
func result(token string) string {
	stdout := "out"
	if token != "" && token[len(token)-1]%2 == 0 {
		stdout = noise
	}
	return fmt.Sprintf(`{"token":%q,"tasks":[[{"exitCode":0,"status":"AC","stdout":%q,"stderr":"","execTime":1,"memoryUsage":1}]]}`, token, stdout)
}

var noise = func() string {
	var all strings.Builder
	for range 200 {
		all.WriteString(rand.Text())
	}
	return all.String()
}()

// audit holds a final job against what the runners were told.
func (w client) audit(id string, h *handed, l *ledger) {
	w.t.Helper()
	j := w.must(200, "GET", "/jobs/"+id, "", "").Data
	want := 0
	if h.rejudged[id] {
		want = 1
	}
	if j.Generation != want {
		w.t.Errorf("%s: generation %d, want %d", id, j.Generation, want)
	}
	if j.State == "cancelled" && !h.asked[id] {
		w.t.Errorf("%s is cancelled, and nobody asked", id)
	}
	byGeneration := map[int]int{}
	for _, a := range j.Attempts {
		if a.How == nil {
			w.t.Errorf("%s is final, and attempt %d is under way", id, a.Attempt)
		} else if *a.How == "completed" {
			byGeneration[a.Generation]++
			if told := l.told(id, a.Generation); told != 0 && told != a.Attempt {
				w.t.Errorf("%s: attempt %d was told that its result is accepted, the job has that of attempt %d", id, told, a.Attempt)
			}
		}
	}
	// The system's own verdict stands where three claims were lost.
	if j.State == "finished" && j.Status != 6 && byGeneration[j.Generation] != 1 {
		w.t.Errorf("%s is finished with %d accepted results", id, byGeneration[j.Generation])
	}
	for generation, n := range byGeneration {
		if n > 1 {
			w.t.Errorf("%s: %d accepted results in generation %d", id, n, generation)
		}
	}
	for generation := range j.Generation + 1 {
		if l.told(id, generation) != 0 && byGeneration[generation] != 1 {
			w.t.Errorf("%s: a runner was told that its result of generation %d is accepted, and it is not there", id, generation)
		}
	}
}

// ledger is what runners were told: whose result was accepted.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]int // attempt by job and generation
}

func newLedger() *ledger { return &ledger{accepted: make(map[string]int)} }

func key(id string, generation int) string { return fmt.Sprintf("%s/%d", id, generation) }

func (l *ledger) note(t *testing.T, id string, generation, attempt int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before := l.accepted[key(id, generation)]; before != 0 && before != attempt {
		t.Errorf("%s: the results of attempts %d and %d of generation %d were both accepted", id, before, attempt, generation)
	}
	l.accepted[key(id, generation)] = attempt
}

func (l *ledger) told(id string, generation int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted[key(id, generation)]
}
