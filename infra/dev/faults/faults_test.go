//go:build localstack

package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"runlease/infra/dev/faults/faultproxy"
)

const (
	jobs    = 24 // at least
	runners = 4
	// spoiled is how long a service is spoiled and jobs are handed in, at least;
	// the producer's own requests may take longer to get through.
	spoiled = 12 * time.Second
	// recovery bounds what is left to do when the faults are over: two leases of
	// claims whose reply was lost, one after the other, the longest time that a
	// message is hidden behind a lost write, and the work itself.
	recovery = 90 * time.Second
)

// TestSpoiledService spoils a third of the calls of each service in turn while
// jobs are handed in, judged, rejudged and cancelled, and looks at what became
// of every job after the faults are over.
func TestSpoiledService(t *testing.T) {
	for i, service := range []faultproxy.Service{faultproxy.DynamoDB, faultproxy.SQS, faultproxy.S3} {
		t.Run(string(service), func(t *testing.T) {
			w := newWorld(t)
			l := newLedger()
			ctx, stop := context.WithCancel(t.Context())
			var fleet sync.WaitGroup
			defer func() { stop(); fleet.Wait() }()
			for r := range runners {
				fleet.Go(func() { w.run(ctx, fmt.Sprintf("runner-%d", r), l) })
			}
			fleet.Go(func() { w.sweep(ctx) })

			// Longer than the 2 s that the adapters wait: some replies come too late.
			w.proxy.On(faultproxy.Plan{Service: service, Seed: uint64(i), Percent: 33, Delay: 3 * time.Second})
			began := time.Now()
			var ids []string
			rejudged, asked := map[string]bool{}, map[string]bool{}
			for n := 0; n < jobs || time.Since(began) < spoiled; n++ {
				id := fmt.Sprintf("job-%d", n)
				ids = append(ids, id)
				if a := w.repeat(ctx, "POST", "/jobs", "", newJob(id)); a.status != 200 && a.status != 201 {
					t.Fatalf("create %s: %d %s", id, a.status, a.Code)
				}
				switch n % 6 {
				case 4: // what was handed in a moment ago, and may be under way
					w.repeat(ctx, "POST", "/jobs/"+ids[n-2]+"/rejudge", "", `{"generation":0}`)
					rejudged[ids[n-2]] = true
				case 5:
					if a := w.repeat(ctx, "POST", "/jobs/"+ids[n-1]+"/cancel", "", ""); a.status == 200 {
						asked[ids[n-1]] = true
					}
				}
			}
			w.proxy.Off()
			over := time.Now()
			open := 0
			for _, id := range ids {
				if a := w.must(200, "GET", "/jobs/"+id, "", ""); a.Data.State != "finished" && a.Data.State != "cancelled" {
					open++
				}
			}
			for _, id := range ids {
				for {
					a := w.must(200, "GET", "/jobs/"+id, "", "")
					if a.Data.State == "finished" || a.Data.State == "cancelled" {
						break
					}
					if time.Since(over) > recovery {
						t.Fatalf("%s is stuck: %+v", id, a.Data)
					}
					time.Sleep(250 * time.Millisecond)
				}
			}
			took := time.Since(over)
			stop()
			fleet.Wait()
			injected := w.proxy.Injected()
			t.Logf("%s: faults for %.1f s, %d calls, %v; %d of %d jobs open at their end, all final %.1f s later",
				service, over.Sub(began).Seconds(), w.proxy.Calls(service), injected, open, len(ids), took.Seconds())
			for _, f := range faultproxy.Faults() {
				if injected[f] == 0 {
					t.Errorf("no call was %s: this run proves little", f)
				}
			}
			for _, id := range ids {
				w.audit(id, rejudged[id], asked[id], l)
			}
		})
	}
}

// audit holds a final job against what the runners were told.
func (w *world) audit(id string, rejudged, asked bool, l *ledger) {
	w.t.Helper()
	j := w.must(200, "GET", "/jobs/"+id, "", "").Data
	want := 0
	if rejudged {
		want = 1
	}
	if j.Generation != want {
		w.t.Errorf("%s: generation %d, want %d", id, j.Generation, want)
	}
	if j.State == "cancelled" && !asked {
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

// run is a runner: it lists, claims, fetches the code, is heard once, completes.
func (w *world) run(ctx context.Context, name string, l *ledger) {
	for ctx.Err() == nil {
		list := w.call(ctx, "GET", "/runner/jobs?limit=2", name, "")
		for _, offered := range list.Data.Jobs {
			w.work(ctx, name, offered.SubmissionID, l)
		}
		if len(list.Data.Jobs) == 0 {
			time.Sleep(300 * time.Millisecond)
		}
	}
}

func (w *world) work(ctx context.Context, name, id string, l *ledger) {
	claim := w.call(ctx, "POST", "/runner/jobs/"+id+"/claim", name, "")
	if claim.status != 200 {
		return // lost the race, or the reply was: the lease will tell
	}
	token := claim.Data.Token
	for try := 0; try < 5 && !fetch(ctx, claim.Data.Code.URL); try++ {
		if try == 4 {
			w.repeat(ctx, "POST", "/runner/jobs/"+id+"/release", name, fmt.Sprintf(`{"token":%q,"reason":"drain"}`, token))
			return
		}
	}
	w.call(ctx, "POST", "/runner/heartbeat", name, fmt.Sprintf(`{"submissionId":%q}`, id))
	if done := w.repeat(ctx, "PUT", "/runner/jobs/"+id+"/complete", name, result(token)); done.status == 200 {
		l.note(w.t, id, claim.Data.Generation, claim.Data.Attempt)
	}
}

// fetch downloads a presigned URL, through the proxy like everything else.
func fetch(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return false
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return err == nil && reply.StatusCode == 200
}

// sweep does every second what the rule does every minute.
func (w *world) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		_, _ = w.dispatch.Sweep(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
