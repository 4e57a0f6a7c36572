package linear

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"runlease/shared/dispatch"
	domain "runlease/shared/job"
	"runlease/shared/memory"
)

// history writes one by hand: every row is a request, and when it ran.
type row struct {
	call, back int64
	in         Input
	out        Output
}

func history(rows ...row) History {
	h := History{Job: "by hand"}
	for i, r := range rows {
		h.Ops = append(h.Ops, porcupine.Operation{ClientId: i, Input: r.in, Call: r.call, Output: r.out, Return: r.back})
	}
	return h
}

var (
	create  = row{1, 2, Input{Op: Create}, Output{Code: OK, New: true}}
	claimA  = Input{Op: Claim, Runner: "a"}
	claimB  = Input{Op: Claim, Runner: "b"}
	resultA = Input{Op: Complete, Runner: "a", Token: "t1", Status: 0}
	resultB = Input{Op: Complete, Runner: "b", Token: "t2", Status: 1}
	expire  = Input{Op: Expire}
)

// won is the answer to a claim.
func won(token string, attempt, generation int) Output {
	return Output{Code: OK, Token: token, View: View{Attempt: attempt, Generation: generation}}
}

func TestCheck(t *testing.T) {
	done := Output{Code: OK}
	for _, tc := range []struct {
		name string
		good bool
		h    History
	}{
		{"a job claimed and completed", true, history(create, row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, resultA, done})},
		{"two claims at once, one refused", true, history(create,
			row{3, 6, claimA, won("t1", 1, 0)}, row{4, 5, claimB, Output{Code: AlreadyClaimed}})},
		{"a claim refused before the other one began", false, history(create,
			row{3, 4, claimB, Output{Code: AlreadyClaimed}}, row{5, 6, claimA, won("t1", 1, 0)})},
		{"a double claim", false, history(create, row{3, 6, claimA, won("t1", 1, 0)}, row{4, 5, claimB, won("t2", 2, 0)})},
		{"a second claim after the lease", true, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, expire, done}, row{7, 8, claimB, won("t2", 2, 0)})},
		{"an attempt that does not go up", false, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, expire, done}, row{7, 8, claimB, won("t2", 1, 0)})},
		{"two accepted results", false, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, expire, done}, row{7, 8, claimB, won("t2", 2, 0)},
			row{9, 12, resultA, done}, row{10, 11, resultB, done})},
		{"a result of an attempt that was replaced", false, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, expire, done}, row{7, 8, claimB, won("t2", 2, 0)}, row{9, 10, resultA, done})},
		{"a late result that nobody was before", true, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, expire, done}, row{7, 8, resultA, done})},
		{"a result of the generation before", false, history(create,
			row{3, 4, claimA, won("t1", 1, 0)},
			row{5, 6, Input{Op: Rejudge}, Output{Code: OK, View: View{State: queued, Attempt: 1, Generation: 1, Status: Pending}}},
			row{7, 8, resultA, done})},
		{"a read that goes back in time", false, history(create,
			row{3, 4, claimA, won("t1", 1, 0)}, row{5, 6, Input{Op: Get}, Output{Code: OK, View: View{State: queued, Status: Pending}}})},
		{"a claim whose reply was lost, seen by the next", true, history(create,
			row{3, 9, claimA, Output{Code: Unknown}}, row{4, 5, claimB, Output{Code: AlreadyClaimed}})},
		{"a cancel that was forgotten", false, history(create, row{3, 4, claimA, won("t1", 1, 0)},
			row{5, 6, Input{Op: Cancel}, Output{Code: OK, View: View{State: claimed, Attempt: 1, Holder: "a", Asked: true, Status: Pending}}},
			row{7, 8, resultA, done})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.h.Check(); (err == nil) != tc.good {
				t.Errorf("linearizable %v, want %v", err == nil, tc.good)
			}
		})
	}
}

// slow lets others run before every read and write, so that requests overlap
// between any two of them on any number of processors.
type slow struct{ dispatch.Store }

func (s slow) Get(ctx context.Context, id string) (domain.Job, bool, error) {
	pause()
	return s.Store.Get(ctx, id)
}

func (s slow) Save(ctx context.Context, before, after domain.Job) (domain.Job, bool, error) {
	pause()
	return s.Store.Save(ctx, before, after)
}

func (s slow) Create(ctx context.Context, j domain.Job) (domain.Job, bool, error) {
	pause()
	return s.Store.Create(ctx, j)
}

func pause() {
	for range rand.IntN(3) {
		runtime.Gosched()
	}
}

func inMemory(t *testing.T, clock *Clock, wrap func(dispatch.Store) dispatch.Store) Dispatcher {
	t.Helper()
	artifacts := memory.NewArtifacts("http://artifacts.test", make([]byte, 32), clock.Now)
	d := dispatch.New(wrap(memory.NewStore()), memory.NewQueue(clock.Now), artifacts)
	d.Now, d.Log = clock.Now, slog.New(slog.DiscardHandler)
	system := Dispatcher{d}
	if err := system.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return system
}

// TestMillion records a million requests to the use cases on the memory
// adapters and checks the history of every job.
func TestMillion(t *testing.T) {
	want := int64(1_000_000)
	if testing.Short() {
		want = 50_000
	}
	seed := rand.Uint64()
	began := time.Now()
	var requests, unknown, jobs, worlds atomic.Int64
	var mu sync.Mutex
	codes := map[string]int{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for requests.Load() < want && !t.Failed() {
				n := worlds.Add(1)
				clock := NewClock()
				plan := Plan{Seed: seed + uint64(n), Prefix: fmt.Sprintf("w%d", n), Jobs: 8, Clients: 6, Requests: 80}
				got, err := Record(t.Context(), plan, inMemory(t, clock, func(s dispatch.Store) dispatch.Store { return slow{s} }), clock)
				if err != nil {
					t.Error(err)
					return
				}
				for _, h := range got.Histories {
					if err := h.Check(); err != nil {
						t.Errorf("seed %d: %v", plan.Seed, err)
						return
					}
				}
				requests.Add(int64(got.Requests))
				unknown.Add(int64(got.Unknown))
				jobs.Add(int64(len(got.Histories)))
				mu.Lock()
				for code, n := range got.Codes {
					codes[code] += n
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%d requests about %d jobs linearizable, %d of unknown outcome, in %.1f s", requests.Load(), jobs.Load(), unknown.Load(), time.Since(began).Seconds())
	t.Log(codes)
	covered(t, codes)
	if unknown.Load() > requests.Load()/100 {
		t.Errorf("%d of %d requests have an unknown outcome: that proves little", unknown.Load(), requests.Load())
	}
}

// covered demands every answer that the model knows.
func covered(t *testing.T, codes map[string]int) {
	t.Helper()
	for op, list := range map[Op][]string{
		Create: {OK}, Claim: {OK, NotFound, NotPending, AlreadyClaimed},
		Heartbeat: {OK, NotClaimed, InvalidToken}, Complete: {OK, NotClaimed, InvalidToken, ResultConflict, JobCancelled},
		Release: {OK, NotClaimed, InvalidToken}, Cancel: {OK, NotFound, JobFinished},
		Rejudge: {OK, NotFound, GenerationConflict}, Get: {OK, NotFound}, Sweep: {OK}, Expire: {OK},
	} {
		for _, code := range list {
			if codes[string(op)+" "+code] == 0 {
				t.Errorf("no %s was answered %s", op, code)
			}
		}
	}
}

// careless writes without looking whether somebody else has.
type careless struct{ dispatch.Store }

func (c careless) Save(ctx context.Context, before, after domain.Job) (domain.Job, bool, error) {
	pause()
	if now, found, _ := c.Get(ctx, after.ID); found {
		before.Revision, after.Revision = now.Revision, now.Revision+1
	}
	return c.Store.Save(ctx, before, after)
}

// stale reads what was there a moment ago, now and then.
type stale struct {
	dispatch.Store
	last sync.Map
}

func (s *stale) Get(ctx context.Context, id string) (domain.Job, bool, error) {
	if old, found := s.last.Load(id); found && rand.IntN(4) == 0 {
		return old.(domain.Job), true, nil
	}
	j, found, err := s.Store.Get(ctx, id)
	if found {
		s.last.Store(id, j)
	}
	return j, found, err
}

// TestBrokenStores: real histories of the use cases on stores that break their
// promise are refused.
func TestBrokenStores(t *testing.T) {
	for name, wrap := range map[string]func(dispatch.Store) dispatch.Store{
		"without the version condition": func(s dispatch.Store) dispatch.Store { return careless{slow{s}} },
		"eventually consistent reads":   func(s dispatch.Store) dispatch.Store { return &stale{Store: slow{s}} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				clock := NewClock()
				got, err := Record(t.Context(), Plan{Seed: seed, Prefix: "j", Jobs: 2, Clients: 6, Requests: 20}, inMemory(t, clock, wrap), clock)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range got.Histories {
					if err := h.Check(); err != nil {
						first, _, _ := strings.Cut(err.Error(), "\n")
						t.Logf("seed %d: %s", seed, first)
						return
					}
				}
			}
			t.Error("not noticed")
		})
	}
}

// overtaken makes the first claim, loses the reply, lets somebody else write and
// repeats the write in vain: the one way in which a store cannot tell that a
// write of ours was made.
type overtaken struct {
	dispatch.Store
	once      sync.Once
	meanwhile func()
}

func (o *overtaken) Save(ctx context.Context, before, after domain.Job) (domain.Job, bool, error) {
	if before.State == domain.Queued && after.State == domain.Claimed {
		o.once.Do(func() {
			_, _, _ = o.Store.Save(ctx, before, after)
			o.meanwhile()
		})
	}
	return o.Store.Save(ctx, before, after)
}

// TestOvertakenWrite: a claim that is refused for the sake of itself has no place
// in an order, unless it is known that a reply was lost.
func TestOvertakenWrite(t *testing.T) {
	clock := NewClock()
	store := &overtaken{}
	system := inMemory(t, clock, func(s dispatch.Store) dispatch.Store { store.Store = s; return store })
	var cancel Output
	store.meanwhile = func() { cancel = system.Do(t.Context(), Input{Op: Cancel, Job: "j"}) }
	system.Do(t.Context(), Input{Op: Create, Job: "j"})
	claim := Input{Op: Claim, Job: "j", Runner: "a"}
	refused := system.Do(t.Context(), claim)
	if refused.Code != AlreadyClaimed || cancel.View.Holder != "a" {
		t.Fatalf("claim %+v, cancel %+v", refused, cancel)
	}
	rows := []row{create, {3, 6, claim, refused}, {4, 5, Input{Op: Cancel, Job: "j"}, cancel}}
	if history(rows...).Check() == nil {
		t.Error("an order was found in which the claim is refused and holds the job")
	}
	if err := history(append(rows, row{3, 6, claim, Output{Code: Perhaps}})...).Check(); err != nil {
		t.Error(err)
	}
}
