package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// bell is a world with a doorbell whose posts a test reads and breaks.
type bell struct {
	*world
	benches *countedBenches
	rung    []string // connections, in order
	answer  func(connection string) (gone bool, err error)
}

func newBell(t *testing.T) *bell {
	b := &bell{world: newWorld(t), benches: &countedBenches{inner: memory.NewBenches(), counts: &counts{}}}
	b.Benches, b.Posts = b.benches, b
	b.Choose = rand.New(rand.NewPCG(1, 2)).IntN
	b.Pause = func(context.Context, time.Duration) error { b.pass(10 * time.Millisecond); return nil }
	return b
}

func (b *bell) Post(ctx context.Context, connection string, _ []byte) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	b.rung = append(b.rung, connection)
	if b.answer != nil {
		return b.answer(connection)
	}
	return false, nil
}

func (b *bell) Close(_ context.Context, connection string) error {
	b.rung = append(b.rung, "closed "+connection)
	return nil
}

// countedBenches counts what costs.
type countedBenches struct {
	inner
	*counts
	faster  func() // done once before a seat is taken off
	closing func() // done once before a chain is closed
}

type counts struct{ reads, writes int }

func (c *countedBenches) Of(chain string) dispatch.Benches {
	return &countedBenches{inner: c.inner.Of(chain), counts: c.counts}
}

func (c *countedBenches) Beside(ctx context.Context, was, now map[string]bool) (bool, error) {
	c.writes++
	return c.inner.Beside(ctx, was, now)
}

type inner = dispatch.Benches

func (c *countedBenches) Benches(ctx context.Context, from, to int) ([]doorbell.Bench, error) {
	c.reads += to - from + 1
	return c.inner.Benches(ctx, from, to)
}

func (c *countedBenches) Take(ctx context.Context, n int, connection string, seat, at int64, forget string) (doorbell.Bench, bool, error) {
	c.writes++
	if f := c.faster; f != nil {
		c.faster = nil
		f()
	}
	return c.inner.Take(ctx, n, connection, seat, at, forget)
}

func (c *countedBenches) Chain(ctx context.Context, was, more int) (bool, error) {
	if f := c.closing; f != nil && more == 0 {
		c.closing = nil
		f()
	}
	return c.inner.Chain(ctx, was, more)
}

func (c *countedBenches) Sit(ctx context.Context, n int, connection string, seat int64) (doorbell.Bench, bool, error) {
	c.writes++
	return c.inner.Sit(ctx, n, connection, seat)
}

// listens connects a runner, whose connection has its name.
func (b *bell) listens(runner string) {
	b.t.Helper()
	must(b.t, b.Connected(b.ctx, doorbell.Listener{Connection: runner, Runner: runner}))
}

func (b *bell) sync(runner string, seat int64, pools ...string) dispatch.Synced {
	b.t.Helper()
	r := dispatch.SyncRequest{Runner: runner, Slots: 1, Seat: seat, Rung: seat < 0}
	r.Seat = max(0, seat)
	if len(pools) > 0 {
		r.Pools = job.PoolsOf(pools...)
	}
	s, answer, err := b.Sync(b.ctx, r)
	b.granted(answer, err)
	return s
}

// rung is the seat of a runner that comes because of its ring.
const rung = -1

// sits connects a runner that finds nothing.
func (b *bell) sits(runner string, pools ...string) int64 {
	b.t.Helper()
	b.listens(runner)
	s := b.sync(runner, 0, pools...)
	if s.Seat == 0 || s.PollSeconds != 300 {
		b.t.Fatalf("%s got %+v", runner, s)
	}
	return s.Seat
}

func (b *bell) heard(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.rung); diff != "" {
		b.t.Fatalf("rung (-want +got):\n%s", diff)
	}
	b.rung = nil
}

// costs is what benches took since the last time.
func (b *bell) costs(reads, writes int) {
	b.t.Helper()
	if b.benches.reads != reads || b.benches.writes != writes {
		b.t.Errorf("%d reads and %d writes of benches, want %d and %d", b.benches.reads, b.benches.writes, reads, writes)
	}
	b.benches.reads, b.benches.writes = 0, 0
}

func TestALoneJobRingsOneRunner(t *testing.T) {
	b := newBell(t)
	b.sits("a")
	b.costs(0, 1)
	if s := b.sync("a", b.sits("a")); s.Seat == 0 || s.PollSeconds != 300 {
		t.Errorf("polled and got %+v", s)
	}
	b.costs(1, 1) // the poll wrote nothing
	b.create("j")
	b.heard("a")
	b.costs(1, 1)
	if s := b.sync("a", 0); len(s.Jobs) != 1 || s.Seat != 0 || s.PollSeconds > 1 {
		t.Errorf("rung, and got %+v", s)
	}
	b.costs(0, 0)
	// A busy fleet: one read for a job, and nothing else.
	b.create("k")
	b.heard()
	b.sync("a", 0)
	b.costs(1, 0)
}

// TestSeatsOfOneMoment: a runner that leaves takes no other off.
func TestSeatsOfOneMoment(t *testing.T) {
	b := newBell(t)
	seats := map[int64]bool{}
	for i := range 100 {
		seats[b.sits(fmt.Sprint("r", i))] = true
	}
	if len(seats) != 100 {
		t.Errorf("100 runners sat down on %d seats", len(seats))
	}
}

func TestEveryWayToTheQueueRings(t *testing.T) {
	b := newBell(t)
	b.create("j")
	b.claim("j", "r")
	b.sits("a")
	b.granted(b.Release(b.ctx, "j", "r", b.get("j").Claim.TokenHash, job.ReasonDrain, ""))
	b.heard("a")
	b.sync("a", 0)
	b.granted2(b.Cancel(b.ctx, "j"))
	b.sits("b")
	b.granted2(b.Rejudge(b.ctx, "j", 0, ""))
	b.heard("b")
	// No write notes a lapsed lease; the sweep sees its message.
	b = newBell(t)
	b.create("j")
	if s := b.sync("dies", 0); len(s.Jobs) != 1 {
		t.Fatal(s)
	}
	b.sits("a")
	b.pass(11 * time.Minute)
	b.sweep()
	b.heard("a")
	b.sweep() // a is not on the bench any more, and was rung just now
	b.heard()
	b.pass(doorbell.RungAgain)
	b.sweep() // no runner has heard of it since
	b.heard("a")
}

func TestWhatPostsAnswer(t *testing.T) {
	broken := errors.New("429")
	for name, c := range map[string]struct {
		gone bool
		err  error
		want int // posts
	}{"heard": {want: 1}, "gone": {gone: true, want: 5}, "broken": {err: broken, want: 1}} {
		t.Run(name, func(t *testing.T) {
			b := newBell(t)
			for i := range 5 {
				b.sits(fmt.Sprint("r", i))
			}
			b.answer = func(string) (bool, error) { return c.gone, c.err }
			b.create("j") // never fails for it
			if len(b.rung) != c.want {
				t.Errorf("rang %v, want %d", b.rung, c.want)
			}
			for _, connection := range b.rung {
				_, known, err := b.benches.Listener(b.ctx, connection)
				if err != nil || known == c.gone {
					t.Errorf("%s is known: %v, %v", connection, known, err)
				}
			}
		})
	}
}

func TestAPostThatHangsEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t)
		b.sits("a")
		b.Posts = hanging{b}
		began := time.Now()
		b.create("j")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the hand-in took %s", took)
		}
	})
}

type hanging struct{ *bell }

func (hanging) Post(ctx context.Context, _ string, _ []byte) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestASwallowedRingIsPassedOn(t *testing.T) {
	b := newBell(t)
	seat := b.sits("a")
	b.sits("b")
	for len(b.rung) == 0 || b.rung[0] != "a" { // it is chosen at random
		b = newBell(t)
		b.Choose = rand.New(rand.NewPCG(rand.Uint64(), 2)).IntN
		seat = b.sits("a")
		b.sits("b")
		b.create("j")
	}
	b.rung = nil
	// a has not heard it yet, polls with its old seat and finds the job.
	if s := b.sync("a", seat); len(s.Jobs) != 1 || s.Seat != 0 {
		t.Fatalf("%+v", s)
	}
	b.heard("b")
}

func TestWhoMayNotHaveAJobPassesTheRingOn(t *testing.T) {
	b := newBell(t)
	b.create("j")
	c := b.sync("a", 0).Jobs[0]
	b.listens("a")
	b.sits("b")
	b.sits("c")
	b.granted(b.Release(b.ctx, "j", "a", c.Job.Claim.TokenHash, job.ReasonInfraError, ""))
	if len(b.rung) != 1 {
		b.t.Fatalf("rung %v", b.rung)
	}
	if s := b.sync("a", 0); len(s.Jobs) != 0 || s.Seat != 0 || s.PollSeconds == 300 {
		t.Errorf("who gave it back sat down: %+v", s)
	}
	if len(b.rung) != 2 || b.rung[0] == b.rung[1] {
		t.Errorf("rung %v, want both of the others", b.rung)
	}
	if s := b.sync("b", 0); len(s.Jobs) != 1 {
		t.Errorf("b got %+v", s)
	}
}

func TestAConnectionOfAnotherCredentialIsNotPutOnABench(t *testing.T) {
	b := newBell(t)
	must(t, b.Connected(b.ctx, doorbell.Listener{Connection: "a", Runner: "a", Credential: "revoked"}))
	if s := b.sync("a", 0); s.Seat != 0 {
		t.Errorf("%+v", s)
	}
}

func TestANewConnectionReplacesTheOldOne(t *testing.T) {
	b := newBell(t)
	seat := b.sits("a")
	must(t, b.Connected(b.ctx, doorbell.Listener{Connection: "a2", Runner: "a"}))
	b.heard("closed a")
	if s := b.sync("a", seat); s.Seat == 0 || s.Seat == seat {
		t.Errorf("%+v", s)
	}
	b.create("j")
	b.heard("a2")
	// It ends before its runner has heard that: another one is rung.
	b.queue.Purge() // b finds nothing
	b.sits("b")
	must(t, b.Disconnected(b.ctx, "a2"))
	b.heard("b")
}

// TestChainedBenches: 60 runners wait on three benches; as many rings reach all of
// them, and when no runner waits any more a ring costs one read.
func TestChainedBenches(t *testing.T) {
	b := newBell(t)
	for i := range 60 {
		b.sits(fmt.Sprint("r", i))
	}
	first, err := b.benches.Benches(b.ctx, 0, 0)
	must(t, err)
	if len(first[0].Waiting) != doorbell.Seats || first[0].More < 2 {
		t.Errorf("the first bench has %d, and %d more are open", len(first[0].Waiting), first[0].More)
	}
	for i := range 62 {
		b.create(fmt.Sprint("j", i))
	}
	seen := map[string]bool{}
	for _, connection := range b.rung {
		seen[connection] = true
	}
	if len(seen) != 60 || len(b.rung) != 60 {
		t.Errorf("%d rings for %d runners", len(b.rung), len(seen))
	}
	b.benches.reads, b.benches.writes = 0, 0
	b.create("last")
	b.costs(1, 0)
}

// TestWhoSitsDownWhileAChainIsClosed is rung, and the chain is open again.
func TestWhoSitsDownWhileAChainIsClosed(t *testing.T) {
	b := newBell(t)
	for i := range doorbell.Seats + 1 {
		b.sits(fmt.Sprint("r", i))
	}
	for i := range doorbell.Seats + 1 {
		b.pass(time.Second) // no ring is followed by one more
		b.create(fmt.Sprint("j", i))
	}
	b.rung = nil
	b.benches.closing = func() {
		_, _, err := b.benches.inner.Sit(b.ctx, 1, "late", doorbell.Seat(1, 1))
		must(t, err)
	}
	b.create("last")
	b.heard("late")
	if first, err := b.benches.Benches(b.ctx, 0, 0); err != nil || first[0].More != 1 {
		t.Errorf("%+v, error %v, want one more bench", first, err)
	}
}

// TestASweepRingsSome: the next one, a minute later, rings the others.
func TestASweepRingsSome(t *testing.T) {
	b := newBell(t)
	for i := range 60 {
		b.sits(fmt.Sprint("r", i))
	}
	for i := range 60 {
		must(t, b.queue.Ring(b.ctx, job.Message{Job: fmt.Sprint("j", i), Bell: 1})) // by others
	}
	for _, want := range []int{40, 20} {
		b.rung = nil
		_, err := b.Sweep(b.ctx)
		must(t, err)
		if len(b.rung) != want {
			t.Errorf("%d rings, want %d", len(b.rung), want)
		}
	}
}

// TestPostsThatHangEndNoSweep: it has to write down how far it has come.
func TestPostsThatHangEndNoSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t)
		for i := range 30 {
			b.sits(fmt.Sprint("r", i))
		}
		for i := range 30 {
			must(t, b.queue.Ring(b.ctx, job.Message{Job: fmt.Sprint("j", i), Bell: 1}))
		}
		b.sweep()
		b.pass(doorbell.RungAgain)
		b.Posts = slow{b}
		began := time.Now()
		if b.sweep(); time.Since(began) > 15*time.Second {
			t.Errorf("the sweep took %v", time.Since(began))
		}
	})
}

type slow struct{ *bell }

func (slow) Post(ctx context.Context, _ string, _ []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // of the client
	defer cancel()
	<-ctx.Done()
	return false, ctx.Err()
}

// TestARingOutlivesItsProducer: the job is there, whether or not anybody waits for the reply.
func TestARingOutlivesItsProducer(t *testing.T) {
	b := newBell(t)
	b.sits("a")
	b.ctx, b.benches.faster = context.WithCancel(b.ctx)
	b.create("j")
	b.heard("a")
}

// TestASeatOfNoBench is none: a runner may send any number.
func TestASeatOfNoBench(t *testing.T) {
	b := newBell(t)
	b.listens("a")
	if s := b.sync("a", doorbell.Seat(1, doorbell.Benches)); doorbell.BenchOf(s.Seat) != 0 || s.Seat == 0 {
		t.Errorf("%+v", s)
	}
}

// TestOthersTakeTheFirstBench: of many rings at once all see the first bench, and
// those that find nobody there any more go on to the others.
func TestOthersTakeTheFirstBench(t *testing.T) {
	b := newBell(t)
	for i := range doorbell.Seats + 1 {
		b.sits(fmt.Sprint("r", i))
	}
	b.benches.faster = func() {
		first, err := b.benches.Benches(b.ctx, 0, 0)
		must(t, err)
		for c, seat := range first[0].Waiting {
			_, _, err := b.benches.Take(b.ctx, 0, c, seat, 0, "")
			must(t, err)
		}
	}
	b.create("j")
	b.heard(fmt.Sprint("r", doorbell.Seats))
}

// TestJobsInNumbers: of jobs at one moment one in sixteen has a second runner rung,
// which makes up for rings that are lost; of jobs a second apart none has.
func TestJobsInNumbers(t *testing.T) {
	for apart, want := range map[time.Duration][2]int{time.Second: {150, 150}, time.Second - time.Millisecond: {150, 180}, 0: {151, 180}} {
		b := newBell(t)
		for i := range 200 {
			b.sits(fmt.Sprint("r", i))
			b.pass(time.Millisecond)
		}
		b.pass(time.Second)
		for i := range 150 {
			b.create(fmt.Sprint("j", i))
			b.pass(apart)
		}
		if got := len(b.rung); got < want[0] || got > want[1] {
			t.Errorf("%d rings for 150 jobs %v apart, want %v", got, apart, want)
		}
	}
}

// TestAWriterIsWaitedFor: a message comes before its job, and the runner that has
// received it would sit down otherwise.
func TestAWriterIsWaitedFor(t *testing.T) {
	b := newBell(t)
	b.listens("a")
	must(t, b.queue.Ring(b.ctx, job.Message{Job: "j", Bell: 1}))
	waits := 0
	b.Pause = func(context.Context, time.Duration) error {
		if waits++; waits == 3 {
			b.create("j")
		}
		return nil
	}
	if s := b.sync("a", 0); len(s.Jobs) != 1 || waits != 3 {
		t.Errorf("waited %d times, and got %+v", waits, s)
	}
	// A listener that never writes is given up, and the runner comes again.
	must(t, b.queue.Ring(b.ctx, job.Message{Job: "k", Bell: 1}))
	if s := b.sync("a", 0); len(s.Jobs) != 1 && (s.Seat != 0 || s.PollSeconds > 1) {
		t.Errorf("%+v", s)
	}
}
