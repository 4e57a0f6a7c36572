// Package fleet lets many runners work on one queue in virtual time: the real
// use cases on the store in memory, a model of SQS and a network that takes its
// time. It counts what races cost and how long jobs wait.
package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"runlease/shared/auth"
	"runlease/shared/bill"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/language"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

// Stream is one source of jobs.
type Stream struct {
	Name      string
	PerSecond float64
	// Groups are user-<n>, of which each job has one by chance, or always the
	// stream's name if there are none.
	Groups int
	// Rejudged is how many jobs are finished before and then rejudged at this
	// pace, instead of new ones.
	Rejudged int
	// Curve is the pace by the time since the start, in place of PerSecond.
	Curve func(time.Duration) float64
	// Burst is how many jobs come at the same moment, at times that are equally far apart.
	Burst int
	// Language of its jobs; 0: C++.
	Language job.Language
}

// Scene is what a run is made of.
type Scene struct {
	Seed    uint64
	Flow    bill.Flow
	Runners int
	Job     time.Duration // that a job takes its runner, on average
	Streams []Stream
	For     time.Duration
	// Settle is how much of it is not counted, at the start.
	Settle time.Duration
	// Unfair leaves fair queues out; Forgets is their strict reading.
	Unfair, Forgets bool
	// Speakers are how many of the runners judge Java too; what the others say
	// leaves it out.
	Speakers int
	// Told means that runners ask again when the server says, as real ones do. Else
	// they ask as often as the bill has it.
	Told bool
	// OwnGroups sends every message in its job's own group, rejudged or not.
	OwnGroups bool
	// Doorbell has all runners hear it, by sync.
	Doorbell bool
	// Faults are what is lost: of a doorbell, and of messages.
	Faults Faults
	// Sweeps runs the sweep each minute.
	Sweeps bool
	// Scaling has runners come and go, in place of Runners; they hear the doorbell.
	Scaling *Scaling
}

// Outcome is what came of it.
type Outcome struct {
	ClaimWrites int // conditional writes that were to claim a job
	Claims      int // that did
	Finished    int
	Calls       int // syncs and lists of runners
	Rings       int // that were posted
	Created     int // jobs
	LostLeases  int // attempts whose runners fell silent
	// Of a group that scales: instances that ended, those of them that were taken away,
	// the most at once, and how long all of them were there.
	Ended, Interrupted, AtOnce int
	Machines                   time.Duration
	// Lost are claims of a job that another runner had claimed or that was over.
	Lost int
	// Waits of every stream's jobs, from queued to claimed, sorted. Jobs that
	// still wait at the end have waited until then.
	Waits map[string][]time.Duration
}

// WritesPerClaim is 1 if no two runners ever write for the same job.
func (o Outcome) WritesPerClaim() float64 { return float64(o.ClaimWrites) / float64(o.Claims) }

// P99 is what 99 of 100 jobs of a stream wait at most.
func (o Outcome) P99(stream string) time.Duration { return o.quantile(stream, 99, 100) }

// quantile is how long a share of the jobs of a stream, most of of, wait at most.
func (o Outcome) quantile(stream string, most, of int) time.Duration {
	waits := o.Waits[stream]
	if len(waits) == 0 {
		return 0
	}
	return waits[min(len(waits)-1, len(waits)*most/of)]
}

const (
	problemID = 17
	java      = job.Language(language.Java)
)

// aZip is every job's code.
var aZip = zips.Of(zips.File{Name: "main.cpp"}, zips.File{Name: "Main.java"})

// run is a scene under way.
type run struct {
	Scene
	clock    *clock
	random   *rand.Rand
	net      network
	store    *store
	dispatch *dispatch.Dispatcher
	lines    *lines
	streamOf map[string]string        // by job
	speaks   map[string]job.Languages // by runner
	began    time.Time
	out      Outcome
	failure  error
}

// Run plays a scene.
func Run(s Scene) (Outcome, error) {
	r := &run{Scene: s, clock: newClock(), random: rand.New(rand.NewPCG(s.Seed, 1)), streamOf: map[string]string{}, speaks: map[string]job.Languages{}}
	r.out.Waits = map[string][]time.Duration{}
	r.began = r.clock.now
	r.net = network{r.clock, r.random}
	kept := memory.NewStore()
	content := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}
	ctx := context.Background()
	if _, saved, err := kept.SaveProblem(ctx, problem.Problem{}, problem.Problem{ID: problemID, Version: 1, Current: content, Revision: 1}); err != nil || !saved {
		return Outcome{}, fmt.Errorf("publish problem: %w", err)
	}
	r.store = &store{Store: kept, net: r.net, claimed: r.claimed}
	q := newQueue(r.clock.Now, r.random)
	q.fair, q.forgets = !s.Unfair, s.Forgets
	q.misses, q.lost = s.Faults.Misses, s.Faults.Messages
	var port dispatch.Queue = slow{q, r.net}
	if s.OwnGroups {
		port = ownGroups{port, kept}
	}
	r.dispatch = dispatch.New(r.store, port, memory.NewArtifacts("http://127.0.0.1", []byte("secret"), r.clock.Now))
	r.dispatch.Now = r.clock.Now
	r.dispatch.Random = chance{r.random}
	r.dispatch.Choose = r.random.IntN
	r.dispatch.Pause = func(_ context.Context, d time.Duration) error { r.clock.sleep(d); return nil }
	r.dispatch.Log = slog.New(slog.DiscardHandler)
	r.dispatch.Meter = func(_ context.Context, m deployment.Metric, _ string, n float64) {
		if m == deployment.LostLeases {
			r.out.LostLeases += int(n)
		}
	}

	for i, stream := range s.Streams {
		if err := r.stream(ctx, kept, i, stream); err != nil {
			return Outcome{}, err
		}
	}
	if s.Sweeps {
		r.clock.spawn(0, func() { r.sweep(ctx) })
	}
	if s.Doorbell {
		r.lines = &lines{r.net, map[string]*hearing{}, s.Faults, r.random}
		r.dispatch.Benches, r.dispatch.Posts = benches{memory.NewBenches(), r.net}, r.lines
	}
	g := &group{run: r}
	if s.Scaling != nil {
		r.clock.spawn(0, func() { g.scale(ctx) })
	}
	for i := range s.Runners {
		name := fmt.Sprintf("judge-%04d", i)
		r.speaks[name] = job.Speaks(job.C, job.CPP, job.Python3)
		if i < s.Speakers {
			r.speaks[name] = job.Speaks(job.C, job.CPP, job.Python3, java)
		}
		work := r.compat
		switch {
		case s.Doorbell:
			work = func(ctx context.Context, name string) error { return r.hear(ctx, name, &instance{}) }
		case s.Flow == bill.Sync:
			work = r.sync
		}
		// They were not all started at once.
		r.clock.spawn(time.Duration(r.random.Float64()*float64(r.poll())), func() { r.note(work(ctx, name)) })
	}
	r.clock.run(s.For)
	r.clock.now = r.began.Add(s.For)
	for len(g.instances) > 0 {
		g.gone(g.instances[0])
	}
	r.out.ClaimWrites, r.out.Claims = r.store.claimWrites, r.store.claims
	for id := range r.streamOf {
		if j, found, _ := kept.Get(ctx, id); found && j.State == job.Queued {
			r.waited(j)
		}
	}
	for _, waits := range r.out.Waits {
		slices.Sort(waits)
	}
	return r.out, r.failure
}

// note keeps the first failure.
func (r *run) note(err error) { r.failure = cmp.Or(r.failure, err) }

// claimed notes how long a job has waited.
func (r *run) claimed(before, _ job.Job) {
	if before.State == job.Queued {
		r.waited(before)
	}
}

func (r *run) waited(j job.Job) {
	queued := j.QueuedAt.Std()
	if !queued.Before(r.began.Add(r.Settle)) {
		stream := r.streamOf[j.ID]
		r.out.Waits[stream] = append(r.out.Waits[stream], r.clock.now.Sub(queued))
	}
}

// stream starts a source of jobs.
func (r *run) stream(ctx context.Context, kept *memory.Store, number int, s Stream) error {
	of := cmp.Or(s.Language, job.CPP)
	group := func() string {
		if s.Groups == 0 {
			return s.Name
		}
		return fmt.Sprint("user-", r.random.IntN(s.Groups))
	}
	id := func(i int) string { return fmt.Sprintf("s%d-%08d", number, i) }
	sum := sha256.Sum256(aZip)
	code := job.Artifact{Size: int64(len(aZip)), SHA256: hex.EncodeToString(sum[:])}
	for i := range s.Rejudged {
		at := job.At(r.began.Add(-time.Hour))
		j := job.Job{
			ID: id(i), Problem: problemID, Language: of, Group: group(), Code: code, State: job.Finished, Attempt: 1, Bell: 1,
			CreatedAt: at, QueuedAt: at, RungAt: at, EndedAt: at, Revision: 1, WriteID: "00000000000000aa",
			Result: &job.Result{Attempt: 1, Score: 100},
		}
		if _, created, err := kept.Create(ctx, j); err != nil || !created {
			return fmt.Errorf("keep a finished job: %w", err)
		}
		r.streamOf[j.ID] = s.Name
	}
	r.clock.spawn(0, func() {
		for i := 0; s.Rejudged == 0 || i < s.Rejudged; i++ {
			if s.Burst == 0 {
				pace := s.PerSecond
				if s.Curve != nil {
					pace = max(s.Curve(r.clock.now.Sub(r.began)), 0.001)
				}
				r.clock.sleep(time.Duration(r.random.ExpFloat64() / pace * float64(time.Second)))
			} else if i%s.Burst == 0 {
				r.clock.sleep(time.Duration(float64(s.Burst) / s.PerSecond * float64(time.Second)))
			}
			n, g := id(i), group()
			r.clock.spawn(0, func() {
				if s.Rejudged > 0 {
					_, answer, err := r.dispatch.Rejudge(ctx, n, 0, "")
					r.note(failed("rejudge", answer, err))
					return
				}
				r.streamOf[n] = s.Name
				r.out.Created++
				_, answer, err := r.dispatch.Create(ctx, dispatch.CreateRequest{CreateOp: job.CreateOp{ID: n, Problem: problemID, Language: of, Group: g, Code: code}, Inline: aZip})
				r.note(failed("create", answer, err))
			})
		}
	})
	return nil
}

func failed(what string, answer dispatch.Answer, err error) error {
	if err != nil || answer.OK() {
		return err
	}
	return fmt.Errorf("%s: %s", what, answer.Outcome)
}

func (r *run) languages(name string) job.Languages { return r.speaks[name] }

// poll is how often an idle runner asks.
func (r *run) poll() time.Duration {
	return time.Duration(bill.PollSeconds(r.Flow, float64(r.Runners)) * float64(time.Second))
}

// idle waits for the next poll, with a fifth of jitter either way.
func (r *run) idle() { r.jittered(r.poll()) }

func (r *run) jittered(d time.Duration) { r.clock.sleep(r.jitter(d)) }

func (r *run) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*r.random.Float64()))
}

// judge takes the time of a job, half to one and a half times the average.
func (r *run) judge() {
	r.clock.sleep(time.Duration(float64(r.Job) * (0.5 + r.random.Float64())))
}

const oneCase = `[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":1,"memoryUsage":1}]]`

func result(name string, c dispatch.Claimed) dispatch.CompleteRequest {
	return dispatch.CompleteRequest{ID: c.Job.ID, Runner: name, TokenHash: auth.Hash(c.Token), Tasks: []byte(oneCase)}
}

// sync is a runner with one slot.
func (r *run) sync(ctx context.Context, name string) error {
	var done []dispatch.CompleteRequest
	for {
		s, err := r.call(ctx, dispatch.SyncRequest{Runner: name, Slots: 1, Done: done})
		if err != nil {
			return err
		}
		if done = nil; len(s.Jobs) == 0 {
			if r.Told {
				r.jittered(time.Duration(s.PollSeconds) * time.Second)
			} else {
				r.idle()
			}
			continue
		}
		r.judge()
		done = append(done, result(name, s.Jobs[0]))
	}
}

// call is a sync, with the way there and back.
func (r *run) call(ctx context.Context, say dispatch.SyncRequest) (dispatch.Synced, error) {
	r.net.trip()
	r.out.Calls++
	say.Languages, say.LeaseSeconds = r.languages(say.Runner), new(60)
	s, answer, err := r.dispatch.Sync(ctx, say)
	if err := failed("sync", answer, err); err != nil {
		return s, err
	}
	for _, answer := range s.Done {
		r.finished(answer)
	}
	r.net.trip()
	return s, nil
}

func (r *run) finished(answer dispatch.Answer) {
	if answer.OK() {
		r.out.Finished++
	} else {
		r.out.Lost++
	}
}

// compatHolds is how many jobs an existing client holds at most.
const compatHolds = 4

// compat is an existing client: it lists, and claims what it can hold in the
// order of the list.
func (r *run) compat(ctx context.Context, name string) error {
	holds := 0
	for {
		pace := r.poll()
		if holds < compatHolds {
			r.net.trip()
			r.out.Calls++
			list, _, err := r.dispatch.List(ctx, job.Candidate{Runner: name, Languages: r.languages(name)}, compatHolds)
			if err != nil {
				return err
			}
			if r.Told {
				pace = time.Duration(list.PollSeconds) * time.Second
			}
			r.net.trip()
			for _, j := range list.Jobs {
				if holds == compatHolds {
					break
				}
				r.net.trip()
				claimed, answer, err := r.dispatch.Claim(ctx, dispatch.ClaimRequest{ID: j.ID, Runner: name, Languages: r.languages(name)})
				if err != nil {
					return err
				}
				r.net.trip()
				if !answer.OK() {
					r.out.Lost++
					continue
				}
				holds++
				r.clock.spawn(0, func() {
					r.judge()
					r.net.trip()
					answer, err := r.dispatch.Complete(ctx, result(name, claimed))
					r.note(err)
					r.finished(answer)
					holds--
				})
			}
		}
		r.jittered(pace)
	}
}

// ownGroups sends messages in their jobs' own groups.
type ownGroups struct {
	dispatch.Queue
	kept *memory.Store
}

// Ring is for dispatch.Queue.
func (q ownGroups) Ring(ctx context.Context, m job.Message) error {
	j, found, err := q.kept.Get(ctx, m.Job)
	if err != nil {
		return err
	}
	if found {
		m.Group = j.Group
	}
	return q.Queue.Ring(ctx, m)
}

// chance is an io.Reader of the scene's own random numbers.
type chance struct{ *rand.Rand }

// Read is for io.Reader.
func (c chance) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.Uint32())
	}
	return len(p), nil
}

var _ io.Reader = chance{}
