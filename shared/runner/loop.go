package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/runner/cache"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
	"runlease/shared/runner/unpack"
)

// Executor runs a submission on its cases. An error is a fault of the executor
// or of the machine, never of the submission; when ctx is done it must stop all
// it has started and return ctx's cause.
type Executor interface {
	Run(ctx context.Context, in execute.Input) ([][]execute.Case, error)
}

// Runner pulls jobs and has them judged, several at a time.
type Runner struct {
	Client   *Client
	Executor Executor
	Cache    *cache.Cache  // of test data
	Spool    *spool.Spool  // of results that are not accepted yet
	Dir      string        // for the files of running jobs; it must exist
	Slots    int           // jobs at a time, 1 to 10
	Lease    time.Duration // asked for with every claim, whole seconds
	Grace    time.Duration // how long a stop may take to tell the server
	Log      *slog.Logger

	slots  chan struct{} // one element per free slot
	faults atomic.Int32  // jobs in a row that failed because of this machine

	mu         sync.Mutex
	delivering map[string]bool // keys of results that have a goroutine of their own
}

// ErrRefused says that the server has refused the runner's token twice in a row.
var ErrRefused = errors.New("the server refuses the runner's token: check token and name, or have a new token issued")

// Why a job's work was stopped.
var (
	errLost      = errors.New("lease lost")
	errCancelled = errors.New("job cancelled")
)

const (
	defaultPoll = 5 * time.Second       // if the server does not say
	leastPoll   = 50 * time.Millisecond // if it says: at once
	spoolEvery  = 30 * time.Second
	// Results older than that have long been judged by somebody else.
	spoolMaxAge = 24 * time.Hour
	// After jobs that failed because of this machine, it takes fewer: it would
	// else be the fastest of all runners, and use up the failures of every job.
	firstFaultPause = 5 * time.Second
	maxFaultPause   = 5 * time.Minute
	maxCodeZip      = 10 << 20 // bytes; the server takes no more
	maxTestDataZip  = 1 << 30
	fetches         = 3 // of the same file, if wrong bytes come
)

// legalID keeps a job's id out of mischief in paths.
func legalID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
	})
}

// Run works until ctx is done; then it gives running jobs back and returns nil.
// A server that is away is waited for. The only error is ErrRefused.
func (r *Runner) Run(ctx context.Context) error {
	r.slots = make(chan struct{}, r.Slots)
	for range r.Slots {
		r.slots <- struct{}{}
	}
	r.delivering = map[string]bool{}

	// work ends with ctx, or when we are refused; tell ends Grace later.
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	tell, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	var jobs sync.WaitGroup
	jobs.Go(func() {
		select {
		case <-r.Client.Refused():
			stop(ErrRefused)
		case <-work.Done():
		}
	})
	jobs.Go(func() { r.emptySpool(work) })
	r.poll(work, tell, &jobs)

	if !errors.Is(context.Cause(work), ErrRefused) {
		r.Log.InfoContext(ctx, "stopping", slog.Int("jobs", r.Slots-len(r.slots)))
	}
	defer time.AfterFunc(r.Grace, hush).Stop()
	jobs.Wait()
	if cause := context.Cause(work); errors.Is(cause, ErrRefused) {
		return cause
	}
	return nil
}

// poll lists and starts jobs until work is done.
func (r *Runner) poll(work, tell context.Context, jobs *sync.WaitGroup) {
	for failed := 0; ; {
		select {
		case <-r.slots:
		case <-work.Done():
			return
		}
		r.slots <- struct{}{} // taken again when there is a job for it
		listing, err := r.Client.List(work, min(len(r.slots), 10))
		wait := defaultPoll
		switch {
		case work.Err() != nil:
			return
		case err != nil:
			wait = pause(failed, err)
			failed++
			r.Log.WarnContext(work, "list failed, asking again", slog.Any("error", err), slog.Duration("wait", wait))
		default:
			if failed > 0 {
				r.Log.InfoContext(work, "server is back", slog.Int("failed", failed))
			}
			failed = 0
			if listing.PollSeconds != nil {
				wait = max(time.Duration(*listing.PollSeconds*float64(time.Second)), leastPoll)
			}
		}
		for _, job := range listing.Jobs {
			if !legalID(job.ID) || len(r.slots) == 0 {
				continue
			}
			<-r.slots // nobody else takes any
			jobs.Go(func() {
				defer func() { r.slots <- struct{}{} }()
				r.job(work, tell, job.ID)
			})
		}
		if sleep(work, max(wait, r.faultPause())) != nil {
			return
		}
	}
}

func (r *Runner) faultPause() time.Duration {
	n := r.faults.Load()
	if n == 0 {
		return 0
	}
	return min(firstFaultPause<<min(n-1, 10), maxFaultPause)
}

// job claims one job and sees it through to its end.
func (r *Runner) job(work, tell context.Context, id string) {
	log := r.Log.With(slog.String("job_id", id))
	// Not with work: a claim whose reply we do not wait for is a job that waits.
	claim, err := r.Client.Claim(tell, id, r.Lease)
	switch react(err) {
	case goOn:
	case lost:
		log.DebugContext(tell, "somebody else was faster")
		return
	default:
		log.WarnContext(tell, "claim failed", slog.Any("error", err))
		return
	}
	log = log.With(slog.Int("attempt", claim.Attempt))
	log.InfoContext(tell, "claimed", slog.Int("problem", claim.Problem), slog.Int("language", claim.Language))
	begin := time.Now()

	work, stop := context.WithCancelCause(work)
	defer stop(nil)
	beat, quiet := context.WithCancel(tell)
	var beats sync.WaitGroup
	beats.Go(func() { r.heartbeat(beat, claim, stop, log) })
	defer beats.Wait()
	defer quiet()

	cases, err := r.judge(work, claim)
	if fault, ok := errors.AsType[*unpack.Fault](err); ok {
		log.WarnContext(tell, "job cannot be judged", slog.String("reason", fault.Why))
		cases, err = execute.Same(claim.Meta.Tasks, execute.JE, fault.Why), nil
	}
	if err == nil {
		r.faults.Store(0)
		r.report(tell, claim, cases, begin, log)
		return
	}
	cause := context.Cause(work)
	switch {
	case errors.Is(cause, errLost), errors.Is(cause, ErrRefused):
		log.WarnContext(tell, "stopped", slog.Any("error", cause))
	case errors.Is(cause, errCancelled):
		r.release(tell, claim, "cancelled", log)
	case cause != nil:
		r.release(tell, claim, "drain", log)
	case react(err) == lost || react(err) == drop:
		log.WarnContext(tell, "job is gone", slog.Any("error", err))
	default:
		r.faults.Add(1)
		log.ErrorContext(tell, "job failed because of this runner", slog.Any("error", err))
		r.release(tell, claim, "infra_error", log)
	}
}

// heartbeat keeps a lease until ctx is done, and stops the work when the job is
// not ours any more. While the server is away the work goes on: an expired
// claim is still good until another replaces it.
func (r *Runner) heartbeat(ctx context.Context, claim Claim, stop context.CancelCauseFunc, log *slog.Logger) {
	every := time.Duration(claim.HeartbeatSeconds) * time.Second
	if every <= 0 { // the server did not say: a third leaves room for two lost ones
		every = max(r.Lease/3, time.Second)
	}
	wait, failed := every, 0
	for sleep(ctx, wait) == nil {
		cancelled, err := r.Client.Heartbeat(ctx, claim)
		switch {
		case ctx.Err() != nil:
			return
		case cancelled:
			stop(errCancelled)
		}
		wait = every
		switch react(err) {
		case goOn:
			failed = 0
		case lost, drop:
			stop(errLost)
			return
		default:
			wait = min(every, pause(failed, err))
			failed++
			log.WarnContext(ctx, "heartbeat failed", slog.Any("error", err))
		}
	}
}

// judge fetches what a job needs and runs it. A *unpack.Fault is the job's
// fault, any other error ours.
func (r *Runner) judge(ctx context.Context, claim Claim) ([][]execute.Case, error) {
	dir, err := os.MkdirTemp(r.Dir, "job-")
	if err != nil {
		return nil, fmt.Errorf("make job directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	in := execute.Input{
		Language: claim.Language, Tasks: claim.Meta.Tasks,
		SourceDir: filepath.Join(dir, "source"), TestDataDir: filepath.Join(dir, "testdata"),
	}
	for _, sub := range []string{in.SourceDir, in.TestDataDir} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return nil, fmt.Errorf("make job directory: %w", err)
		}
	}

	code := &material{r.Client, claim, "code", maxCodeZip, claim.Code, r.Client.Code}
	zip, err := code.get(ctx, func(Download) (*os.File, error) {
		file, err := os.Create(filepath.Join(dir, "code.zip"))
		if err != nil {
			return nil, fmt.Errorf("make code file: %w", err)
		}
		if err := code.fetch(ctx, file); err != nil {
			_ = file.Close()
			return nil, err
		}
		return file, nil
	})
	if err != nil {
		return nil, err
	}
	err = unpack.Code(zip, code.at.Size, in.SourceDir, in.Language, unpack.CodeLimits)
	_ = zip.Close()
	if err != nil {
		return nil, err
	}

	data := &material{r.Client, claim, "test data", maxTestDataZip, claim.TestData, r.Client.TestData}
	zip, err = data.get(ctx, func(d Download) (*os.File, error) { return r.Cache.Get(ctx, d.SHA256, data.fetch) })
	if err != nil {
		return nil, err
	}
	// A copy of its own for every job: what one does to its files stays with it.
	err = unpack.TestData(zip, data.at.Size, in.TestDataDir, in.Tasks, unpack.TestDataLimits)
	_ = zip.Close()
	if err != nil {
		return nil, err
	}

	cases, err := r.Executor.Run(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("execute: %w", err)
	}
	return cases, execute.Check(in.Tasks, cases)
}

// material is a file that a job needs.
type material struct {
	client *Client
	claim  Claim
	what   string
	max    int64     // bytes
	at     *Download // nil: not known
	ask    func(context.Context, Claim) (Download, error)
}

// get has the file opened by open, which may call fetch; a few times if what
// comes is not what was promised.
func (m *material) get(ctx context.Context, open func(Download) (*os.File, error)) (*os.File, error) {
	if m.at == nil {
		if err := m.locate(ctx); err != nil {
			return nil, err
		}
	}
	if m.at.Size > m.max {
		return nil, &unpack.Fault{Why: fmt.Sprintf("%s zip: %d bytes, at most %d are allowed", m.what, m.at.Size, m.max)}
	}
	for n := 1; ; n++ {
		file, err := open(*m.at)
		_, wrong := errors.AsType[*wrongBytes](err)
		reply, isReply := errors.AsType[*ReplyError](err)
		if !wrong && (!isReply || !reply.Storage) {
			return file, err
		}
		if n == fetches {
			// Not as a reply: the job is not gone, and another runner may fare better.
			return nil, errors.New("get " + m.what + ": " + err.Error())
		}
		if err := sleep(ctx, pause(n, err)); err != nil {
			return nil, err
		}
		if err := m.locate(ctx); err != nil { // its URL may have expired early
			return nil, err
		}
	}
}

// fetch writes the file to w, once it gets an answer from storage.
func (m *material) fetch(ctx context.Context, w io.Writer) error {
	if m.at.URL == "" || m.at.ExpiresIn > 0 && time.Since(m.at.received) > time.Duration(m.at.ExpiresIn)*time.Second-5*time.Second {
		if err := m.locate(ctx); err != nil {
			return err
		}
	}
	started := &watchedWriter{w: w}
	var got error
	err := repeat(ctx, fetchPatience, func() error {
		got = m.client.Fetch(ctx, *m.at, started)
		if _, wrong := errors.AsType[*wrongBytes](got); wrong || started.wrote {
			return nil // what was written cannot be taken back: no repetition here
		}
		return got
	})
	if err == nil && got != nil && ctx.Err() == nil {
		return &wrongBytes{got.Error()}
	}
	if err != nil {
		return err
	}
	return got
}

// locate asks the server where the file is.
func (m *material) locate(ctx context.Context) error {
	var d Download
	err := repeat(ctx, fetchPatience, func() (err error) {
		d, err = m.ask(ctx, m.claim)
		return err
	})
	if reply, ok := errors.AsType[*ReplyError](err); ok && reply.Status == 404 && (reply.Message == "code not found" || reply.Message == "testdata not found") {
		return &unpack.Fault{Why: "the server has no " + m.what + " for this job"}
	}
	if err == nil {
		m.at = &d
	}
	return err
}

// watchedWriter remembers that something was written.
type watchedWriter struct {
	w     io.Writer
	wrote bool
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	w.wrote = true
	return w.w.Write(p)
}

// report puts a result where it survives a crash, and delivers it.
func (r *Runner) report(tell context.Context, claim Claim, cases [][]execute.Case, begin time.Time, log *slog.Logger) {
	res := result(claim, cases)
	r.own(res.Key(), true)
	defer r.own(res.Key(), false)
	if err := r.Spool.Put(res); err != nil { // then it must do without
		log.ErrorContext(tell, "result is not on disk", slog.Any("error", err))
	}
	err := r.Client.deliver(tell, res, resultPatience)
	r.settle(tell, res, err, log.With(slog.Duration("took", time.Since(begin))))
	if react(err) == drop { // the claim is still ours, and nobody is at it
		r.release(tell, claim, "infra_error", log)
	}
}

// settle forgets a result that nothing more can be done for.
func (r *Runner) settle(ctx context.Context, res spool.Result, err error, log *slog.Logger) {
	switch react(err) {
	case goOn:
		log.InfoContext(ctx, "result accepted")
	case lost:
		log.WarnContext(ctx, "result came too late", slog.Any("error", err))
	case drop:
		log.ErrorContext(ctx, "result refused", slog.Any("error", err))
	default:
		log.WarnContext(ctx, "result not delivered yet, it stays on disk", slog.Any("error", err))
		return
	}
	if err := r.Spool.Remove(res); err != nil {
		log.ErrorContext(ctx, "delivered result is still on disk", slog.Any("error", err))
	}
}

// emptySpool delivers what an earlier process, or a job that ran out of
// patience, has left, until ctx is done.
func (r *Runner) emptySpool(ctx context.Context) {
	for {
		results, err := r.Spool.List(r.owned)
		if err != nil {
			r.Log.ErrorContext(ctx, "unreadable results were set aside", slog.Any("error", err))
		}
		for _, res := range results {
			log := r.Log.With(slog.String("job_id", res.JobID), slog.Int("attempt", res.Attempt))
			if time.Since(res.Since) > spoolMaxAge {
				log.ErrorContext(ctx, "result is too old to be wanted")
				_ = r.Spool.Remove(res)
				continue
			}
			err := r.Client.deliver(ctx, res, 0)
			if ctx.Err() != nil {
				return
			}
			r.settle(ctx, res, err, log)
			if react(err) == again { // the others will fare no better
				break
			}
		}
		if sleep(ctx, spoolEvery) != nil {
			return
		}
	}
}

// own says that a result has a goroutine that delivers it.
func (r *Runner) own(key string, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine {
		r.delivering[key] = true
	} else {
		delete(r.delivering, key)
	}
}

func (r *Runner) owned(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.delivering[key]
}

// release gives a job back.
func (r *Runner) release(tell context.Context, claim Claim, reason string, log *slog.Logger) {
	err := repeat(tell, releasePatience, func() error { return r.Client.Release(tell, claim, reason) })
	if err != nil {
		// Its lease ends by itself.
		log.WarnContext(tell, "release failed", slog.String("reason", reason), slog.Any("error", err))
		return
	}
	log.InfoContext(tell, "released", slog.String("reason", reason))
}
