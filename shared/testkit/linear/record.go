package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// System answers requests; it is what is tested.
type System interface {
	Do(context.Context, Input) Output
}

// Clock is the time of a system under test. It stands still unless Expire moves it.
type Clock struct{ millis atomic.Int64 }

// NewClock is a clock that shows a fixed time.
func NewClock() *Clock {
	c := new(Clock)
	c.millis.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the time it shows.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.millis.Load()).UTC() }

// LeaseSeconds is what every claim must ask for, and Expire passes over.
const LeaseSeconds = 30

// maxExpires keeps a claim that is kept alive by late heartbeats well below the
// hour after which its lease is no longer extended: that is not in the model.
const maxExpires = 100

// Plan is a load: clients that send requests about a few jobs.
type Plan struct {
	Seed     uint64
	Prefix   string // of the jobs' ids
	Jobs     int    // at most 10, so that a sweep sees all of them
	Clients  int
	Requests int // of each client
}

// History is every request about one job.
type History struct {
	Job string
	Ops []porcupine.Operation
}

// Recorded is what a plan came to.
type Recorded struct {
	Histories []History
	Requests  int // of all clients, with every Sweep and Expire counted once
	Unknown   int // of them
	Codes     map[string]int
}

// recorder collects the histories of one plan. Its time is a counter: a request
// that ended before another one began has the lower numbers.
type recorder struct {
	system System
	clock  *Clock
	ids    []string
	tick   atomic.Int64
	still  sync.RWMutex // held for reading by requests, for writing by Expire

	mu      sync.Mutex
	byJob   map[string][]porcupine.Operation
	tokens  map[string][]given
	newest  map[string]int // the highest generation that an answer has shown
	codes   map[string]int
	expires int
	total   int
	unknown int
}

// given is a claim that was answered.
type given struct {
	runner, token string
}

// Record runs a plan. Whatever is not a legal answer shows in Check.
func Record(ctx context.Context, p Plan, system System, clock *Clock) (Recorded, error) {
	if p.Jobs < 1 || p.Jobs > 10 {
		return Recorded{}, fmt.Errorf("%d jobs: want 1 to 10", p.Jobs)
	}
	r := &recorder{
		system: system, clock: clock,
		byJob: make(map[string][]porcupine.Operation), tokens: make(map[string][]given),
		newest: make(map[string]int), codes: make(map[string]int),
	}
	for i := range p.Jobs {
		r.ids = append(r.ids, fmt.Sprintf("%s-%d", p.Prefix, i))
	}
	var clients sync.WaitGroup
	for c := range p.Clients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(p.Seed, uint64(c)))
			for range p.Requests {
				r.one(ctx, c, random)
			}
		})
	}
	clients.Wait()
	out := Recorded{Requests: r.total, Unknown: r.unknown, Codes: r.codes}
	for _, id := range r.ids {
		// What is unknown may happen until the very end.
		last := r.tick.Add(1)
		ops := r.byJob[id]
		for i := range ops {
			if ops[i].Output.(Output).Code == Unknown {
				ops[i].Return = last
			}
		}
		out.Histories = append(out.Histories, History{id, ops})
	}
	return out, nil
}

// one makes one request. Three names serve all clients: some runners share one.
func (r *recorder) one(ctx context.Context, client int, random *rand.Rand) {
	in := Input{Job: r.ids[random.IntN(len(r.ids))], Runner: fmt.Sprintf("runner-%d", random.IntN(3))}
	r.mu.Lock()
	known, generation, untouched := r.tokens[in.Job], r.newest[in.Job], len(r.byJob[in.Job]) < 3
	r.mu.Unlock()
	if n := len(known); n > 0 {
		g := known[n-1]
		if random.IntN(5) == 0 {
			g = known[random.IntN(n)] // a stale one, often
		}
		in.Token = g.token
		if random.IntN(10) > 0 {
			in.Runner = g.runner
		}
	}
	dice := random.IntN(1000)
	switch {
	case dice < 60 || untouched && dice < 500:
		in.Op = Create
	case dice < 370:
		in.Op = Claim
	case dice < 500:
		in.Op = Heartbeat
		if random.IntN(3) == 0 {
			in.Token = ""
		}
	case dice < 620:
		in.Op, in.Status = Complete, random.IntN(2)
	case dice < 740:
		in.Op, in.Reason = Release, []string{"drain", "preempted", "infra_error", "cancelled"}[random.IntN(4)]
	case dice < 790:
		in.Op = Cancel
	case dice < 870:
		in.Op, in.Generation = Rejudge, max(0, generation-random.IntN(2))
	case dice < 970:
		in.Op = Get
	case dice < 985:
		in = Input{Op: Sweep}
	default:
		in = Input{Op: Expire}
	}
	if (in.Op == Complete || in.Op == Release) && in.Token == "" {
		in = Input{Op: Claim, Job: in.Job, Runner: in.Runner} // there is nothing to report yet
	}
	r.send(ctx, client, in)
}

// send makes a request and writes it down, an act on all jobs with each of them.
func (r *recorder) send(ctx context.Context, client int, in Input) {
	var call int64
	var out Output
	if in.Op == Expire {
		r.still.Lock()
		defer r.still.Unlock()
		if r.expires == maxExpires {
			return
		}
		r.expires++
		call = r.tick.Add(1)
		r.clock.millis.Add((LeaseSeconds + 1) * 1000)
		out = Output{Code: OK}
	} else {
		r.still.RLock()
		defer r.still.RUnlock()
		call = r.tick.Add(1)
		out = r.system.Do(ctx, in)
	}
	back := r.tick.Add(1)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	lost := out.Lost
	out.Lost = false
	code := out.Code
	if code == Unknown {
		r.unknown++
		code = "unknown"
	}
	r.codes[string(in.Op)+" "+code]++
	op := porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: back}
	if in.Op == Sweep || in.Op == Expire {
		for _, id := range r.ids {
			r.byJob[id] = append(r.byJob[id], op)
		}
		return
	}
	r.byJob[in.Job] = append(r.byJob[in.Job], op)
	if lost {
		first := op
		first.Output = Output{Code: Perhaps}
		r.byJob[in.Job] = append(r.byJob[in.Job], first)
	}
	r.newest[in.Job] = max(r.newest[in.Job], out.View.Generation)
	if in.Op == Claim && out.Code == OK {
		r.tokens[in.Job] = append(r.tokens[in.Job], given{in.Runner, out.Token})
	}
}

// patience bounds the search for an order: it usually takes a millisecond.
const patience = time.Minute

// Check looks for an order of the requests that explains every answer. An error
// shows the history that has none.
func (h History) Check() error {
	switch porcupine.CheckOperationsTimeout(model, h.Ops, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%s: no order found within %s, and none excluded", h.Job, patience)
	default: // illegal
	}
	var lines strings.Builder
	for _, op := range h.Ops {
		fmt.Fprintf(&lines, "%6d-%-6d %+v -> %+v\n", op.Call, op.Return, op.Input, op.Output)
	}
	return fmt.Errorf("%s: no order of these requests explains the answers:\n%s", h.Job, lines.String())
}
