package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/testkit/zips"
)

// kind is what a client asks for.
type kind string

// The requests of the wire contract that touch a job, and the sweep.
const (
	askCreate    kind = "create"
	askSubmit    kind = "submit"
	askView      kind = "get"
	askCancel    kind = "cancel"
	askRejudge   kind = "rejudge"
	askList      kind = "list"
	askClaim     kind = "claim"
	askHeartbeat kind = "heartbeat"
	askComplete  kind = "complete"
	askRelease   kind = "release"
	askSync      kind = "sync"
	askSweep     kind = "sweep"
)

// ask is a request as a client sends it; sent again, it is the same ask.
type ask struct {
	kind         kind
	id           string // of the job
	runner       string
	tokenHash    string // of the claim that it is about, "": not said
	generation   int    // of a rejudge
	reason       job.Reason
	inline       bool  // create with the code
	limit        int   // of a list, slots of a sync
	leaseSeconds int   // of a claim or a sync
	right        bool  // the result of a complete: AC or WA
	uploaded     bool  // its outputs were uploaded before
	done         []ask // completes of a sync
	active       []ask // heartbeats of a sync
	seat         int64 // of a sync
}

func (a ask) String() string {
	s := string(a.kind)
	if a.id != "" {
		s += " " + a.id
	}
	if a.runner != "" {
		s += " by " + a.runner
	}
	if a.tokenHash != "" {
		s += " token " + short(a.tokenHash)
	}
	switch a.kind {
	case askRejudge:
		s += fmt.Sprintf(" of generation %d", a.generation)
	case askRelease:
		s += " for " + string(a.reason)
	case askComplete:
		s += fmt.Sprintf(" right %v", a.right)
	case askSync:
		s += fmt.Sprintf(" done %d active %d slots %d", len(a.done), len(a.active), a.limit)
	}
	return s
}

// short is enough of a hash to tell two apart.
func short(hash string) string { return hash[:min(6, len(hash))] }

// grant is a claim as a runner knows it.
type grant struct {
	id         string
	runner     string
	tokenHash  string
	attempt    int
	generation int
}

// answer is what a client hears.
type answer struct {
	err    error // no answer, or a 5xx: nothing is known
	code   job.Outcome
	jobs   []string // of a list
	grants []grant  // of a claim or a sync
	view   job.Job  // of a get, create, submit, cancel or rejudge
	action dispatch.Action
	done   []job.Outcome     // of a sync
	active []dispatch.Action // of a sync
	swept  dispatch.Swept
	seat   int64 // of a sync
}

// codeBytes is every job's code.
var (
	codeBytes    = zips.Code("")
	codeArtifact = measure(codeBytes)
)

// tasks is a result for the only problem, which has one task of one case.
func tasks(right bool) []byte {
	if right {
		return []byte(`[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":3,"memoryUsage":9}]]`)
	}
	return []byte(`[[{"exitCode":0,"status":"WA","stdout":"","stderr":"","execTime":3,"memoryUsage":9}]]`)
}

// carry runs the use case that a request is for.
func (a ask) carry(ctx context.Context, d *dispatch.Dispatcher) answer {
	var out answer
	var said dispatch.Answer
	switch a.kind {
	case askCreate:
		r := dispatch.CreateRequest{CreateOp: job.CreateOp{ID: a.id, Problem: problemID, Code: codeArtifact}}
		if a.inline {
			r.Inline = codeBytes
		}
		var created dispatch.Created
		created, said, out.err = d.Create(ctx, r)
		out.view = created.Job
	case askSubmit:
		out.view, said, out.err = d.Submit(ctx, a.id)
	case askView:
		out.view, said, out.err = d.Get(ctx, a.id)
	case askCancel:
		out.view, said, out.err = d.Cancel(ctx, a.id)
	case askRejudge:
		out.view, said, out.err = d.Rejudge(ctx, a.id, a.generation, "")
	case askList:
		var l dispatch.Listing
		l, said, out.err = d.List(ctx, job.Candidate{Runner: a.runner}, a.limit)
		for _, j := range l.Jobs {
			out.jobs = append(out.jobs, j.ID)
		}
	case askClaim:
		var c dispatch.Claimed
		c, said, out.err = d.Claim(ctx, dispatch.ClaimRequest{ID: a.id, Runner: a.runner, LeaseSeconds: &a.leaseSeconds, Inline: true})
		if out.err == nil && said.OK() {
			out.grants = []grant{granted(c)}
		}
	case askHeartbeat:
		out.action, said, out.err = d.Heartbeat(ctx, a.id, a.runner, a.tokenHash)
	case askComplete:
		said, out.err = d.Complete(ctx, a.completion())
	case askRelease:
		said, out.err = d.Release(ctx, a.id, a.runner, a.tokenHash, a.reason, "")
	case askSync:
		r := dispatch.SyncRequest{Runner: a.runner, Slots: a.limit, LeaseSeconds: &a.leaseSeconds, Seat: a.seat, Inline: true}
		for _, done := range a.done {
			r.Done = append(r.Done, done.completion())
		}
		for _, active := range a.active {
			r.Active = append(r.Active, dispatch.ActiveClaim{ID: active.id, TokenHash: active.tokenHash})
		}
		var s dispatch.Synced
		s, said, out.err = d.Sync(ctx, r)
		for _, done := range s.Done {
			out.done = append(out.done, done.Outcome)
		}
		out.active, out.seat = s.Active, s.Seat
		for _, c := range s.Jobs {
			out.grants = append(out.grants, granted(c))
		}
	case askSweep:
		out.swept, out.err = d.Sweep(ctx)
		said.Outcome = job.OK
	}
	out.code = said.Outcome
	return out
}

func (a ask) completion() dispatch.CompleteRequest {
	r := dispatch.CompleteRequest{ID: a.id, Runner: a.runner, TokenHash: a.tokenHash, Tasks: tasks(a.right)}
	if a.uploaded {
		r.Outputs = codeArtifact
	}
	return r
}

func granted(c dispatch.Claimed) grant {
	return grant{
		id: c.Job.ID, runner: c.Job.Claim.Runner, tokenHash: auth.Hash(c.Token),
		attempt: c.Job.Attempt, generation: c.Job.Generation,
	}
}

// flight is a request under way: the real use case in a coroutine, parked at a
// port call. Nothing runs but the flight that is being resumed.
type flight struct {
	ask    ask
	serial uint64 // no two flights of a run share one; it seeds tokens and write ids
	at     call   // where it is parked, until it is over
	over   bool
	answer answer // when it is over
	now    func() time.Time

	on    *coroutine
	input reply
	dying bool
	drawn uint64
}

// died unwinds a flight whose process is gone.
type died struct{}

// silence is where the use cases log to.
var silence = slog.New(slog.DiscardHandler)

// depart starts a request and runs it up to its first port call. now is the
// clock of the process that handles it.
func (p *pool) depart(a ask, serial uint64, now func() time.Time) *flight {
	f := &flight{ask: a, serial: serial, now: now}
	d := &dispatch.Dispatcher{
		Store: parkedStore{f}, Queue: parkedQueue{f}, URLs: signer{}, Objects: parkedObjects{f},
		Lease:  dispatch.LeaseBounds{Least: 1, Default: 60, Longest: 900},
		Pace:   dispatch.DefaultPace,
		Log:    silence,
		Now:    func() time.Time { return f.now() },
		Random: f,
	}
	if p.doorbell {
		d.Benches, d.Posts = parkedBenches{f}, parkedPosts{f}
		d.Choose = func(n int) int { return f.park(call{port: portChoose, limit: n}).chosen }
		d.Pause = func(context.Context, time.Duration) error { return f.park(call{port: portPause}).err }
	}
	f.on = p.take()
	f.on.work = func() {
		defer func() {
			f.over = true
			if v := recover(); v != nil {
				if _, gone := v.(died); !gone {
					panic(v)
				}
				f.answer = answer{err: errNoReply}
			}
		}()
		f.answer = a.carry(context.Background(), d)
	}
	f.run()
	return f
}

// park leaves the CPU until the call has got its reply.
func (f *flight) park(c call) reply {
	f.at = c
	if !f.on.yield(struct{}{}) || f.dying {
		panic(died{})
	}
	return f.input
}

// hear gives the call that the flight is parked at its reply and runs it to the
// next one.
func (f *flight) hear(r reply) {
	f.input = r
	f.run()
}

func (f *flight) run() {
	f.on.resume()
	if f.over {
		f.on.pool.idle = append(f.on.pool.idle, f.on)
	}
}

// die ends the flight where it stands: nothing after it happens.
func (f *flight) die() {
	f.dying = true
	f.run()
}

// pool keeps coroutines that have nothing to do, because a new one costs more
// than most requests. It belongs to one goroutine.
type pool struct {
	idle     []*coroutine
	doorbell bool // requests have one
}

// coroutine does one piece of work after the other.
type coroutine struct {
	pool   *pool
	work   func()
	yield  func(struct{}) bool
	resume func() (struct{}, bool)
	stop   func()
}

func (p *pool) take() *coroutine {
	if last := len(p.idle) - 1; last >= 0 {
		c := p.idle[last]
		p.idle = p.idle[:last]
		return c
	}
	c := &coroutine{pool: p}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for {
			c.work()
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// close ends the coroutines; no flight may be under way.
func (p *pool) close() {
	for _, c := range p.idle {
		c.stop()
	}
}

// Read makes the random bytes of tokens and write ids out of the serial number.
func (f *flight) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		f.drawn++
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], mix(f.serial<<16+f.drawn))
		copy(p[i:], word[:])
	}
	return len(p), nil
}

// mix is the finalizer of SplitMix64: it sends different numbers to different,
// unrelated ones.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// signer presigns nothing: the simulation moves no bytes.
type signer struct{}

func (signer) GetURL(context.Context, string, string) (string, error) { return "url", nil }

// DraftURL is not part of the simulation: problems are published before it.
func (signer) DraftURL(context.Context, string, job.Artifact) (dispatch.Upload, error) {
	panic("a problem is drafted")
}

func (signer) PutURL(context.Context, string, job.Artifact) (dispatch.Upload, error) {
	return dispatch.Upload{URL: "url"}, nil
}
