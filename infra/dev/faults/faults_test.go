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
			h := &handed{rejudged: map[string]bool{}, asked: map[string]bool{}}
			for n := 0; n < jobs || time.Since(began) < spoiled; n++ {
				w.handIn(ctx, h)
			}
			w.proxy.Off()
			lasted := time.Since(began)
			open, took := w.allFinal(h)
			stop()
			fleet.Wait()
			injected := w.proxy.Injected()
			t.Logf("%s: faults for %.1f s, %d calls, %v; %d of %d jobs open at their end, all final %.1f s later",
				service, lasted.Seconds(), w.proxy.Calls(service), injected, open, len(h.ids), took.Seconds())
			for _, f := range faultproxy.Faults() {
				if injected[f] == 0 {
					t.Errorf("no call was %s: this run proves little", f)
				}
			}
			for _, id := range h.ids {
				w.audit(id, h, l)
			}
		})
	}
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
