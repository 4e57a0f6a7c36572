package bridge

import (
	"context"
	"crypto/md5" //nolint:gosec // the back end's checksum, no secret
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"runlease/shared/bridge/backend"
	"runlease/shared/bridge/journal"
	"runlease/shared/casefile"
	"runlease/shared/producer"
)

// problems is what is known of problems in this process. Each is looked at by one
// goroutine at a time, while the submissions that need it wait aside.
type problems struct {
	mu      sync.Mutex
	all     map[int]*problem
	asking  chan struct{} // bounds how many checksums are asked for at once
	fetches chan struct{} // bounds how many problems are fetched at once
	running sync.WaitGroup
}

// The back end reads all test data for a checksum. A fetch may take minutes, so those
// whose problem has not changed do not wait for it.
const (
	askers  = 4
	fetches = 4
)

// take waits for a free place of a channel.
func take(ctx context.Context, places chan struct{}) (give func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type problem struct {
	known   journal.Problem
	askedAt time.Time // when the look at it began that known is from
	wall    time.Time // the same by the machine's clock alone, which may be set
	waiting []string  // submissions
	looking bool
}

// isSince reports whether the look that known is from began at a time or later. If the
// clock has been set since the look, that is not known. A time that is still to come is
// from before the clock was set back, so the look is later.
func (p *problem) isSince(since, now time.Time) bool {
	if p.askedAt.IsZero() {
		return false
	}
	set := now.Round(0).Sub(p.wall) - now.Sub(p.askedAt)
	return set.Abs() < time.Second && (since.After(now) || !p.wall.Before(since))
}

// problem is a submission's problem as it was at a time or later; false if it is
// being looked at, and the submission comes back into the line afterwards.
func (b *Bridge) problem(ctx context.Context, id int, since time.Time, submission string) (journal.Problem, bool) {
	b.problems.mu.Lock()
	defer b.problems.mu.Unlock()
	p := b.problems.all[id]
	if p == nil {
		p = &problem{}
		b.problems.all[id] = p
	}
	if p.isSince(since, time.Now()) {
		return p.known, true
	}
	p.waiting = append(p.waiting, submission)
	if !p.looking {
		p.looking = true
		b.problems.running.Go(func() { b.look(ctx, id, p) })
	}
	return journal.Problem{}, false
}

// forget has a problem looked at again that runlease does not have any more.
func (b *Bridge) forget(id int) error {
	b.problems.mu.Lock()
	if p := b.problems.all[id]; p != nil {
		p.askedAt = time.Time{}
	}
	b.problems.mu.Unlock()
	return b.Journal.PutProblem(journal.Problem{ID: id})
}

// look refreshes what is known of a problem, at most once in Pace.Problem, until
// that succeeds.
func (b *Bridge) look(ctx context.Context, id int, p *problem) {
	b.problems.mu.Lock()
	next := p.askedAt.Add(b.Pace.Problem)
	b.problems.mu.Unlock()
	for tries := 0; ; tries++ {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		asked := time.Now()
		known, err := b.refresh(ctx, id, tries)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			b.problems.mu.Lock()
			p.known, p.askedAt, p.wall, p.looking = known, asked, asked.Round(0), false
			waiting := p.waiting
			p.waiting = nil
			b.problems.mu.Unlock()
			for _, submission := range waiting {
				b.toHandIn.add(submission)
			}
			return
		}
		b.counts.problems.WithLabelValues("failed").Inc()
		wait := max(b.Pace.Problem, b.Pace.wait(tries))
		b.Log.WarnContext(ctx, "a problem is looked at again later", "problem", id, "tries", tries+1, "wait", wait.String(), "error", err)
		next = time.Now().Add(wait)
	}
}

// doubts is how often what may be a failure of the back end is tried again before
// it is taken for a property of the problem.
const doubts = 2

// refresh makes sure that runlease has a problem as the back end has it now. If the
// problem cannot be used, its record says why. Any other fault is an error.
func (b *Bridge) refresh(ctx context.Context, id, tries int) (journal.Problem, error) {
	before, err := b.Journal.Problem(id)
	if err != nil {
		return before, err
	}
	asked, err := take(ctx, b.problems.asking)
	if err != nil {
		return before, err
	}
	var checksum string
	err = b.askBackEnd(ctx, func() (err error) { checksum, err = b.BackEnd.Checksum(ctx, id); return err })
	asked()
	switch status := backend.Status(err); {
	case status == http.StatusUnauthorized && before.Checksum != "":
		b.Log.WarnContext(ctx, "the back end does not know the token any more: is this sandbox in its configuration? The problem stays as it was", "problem", id)
		return before, nil
	case status == http.StatusNotFound:
		return b.faulty(id, "", "the back end has no such problem")
	case status == http.StatusInternalServerError:
		return b.withoutTestData(ctx, id, tries, err)
	case err != nil:
		return before, err
	case checksum == before.Checksum:
		b.counts.problems.WithLabelValues("unchanged").Inc()
		return before, nil
	}
	fetched, err := take(ctx, b.problems.fetches)
	if err != nil {
		return before, err
	}
	defer fetched()
	file, err := b.Journal.Scratch()
	if err != nil {
		return before, err
	}
	defer func() { _, _ = file.Close(), os.Remove(file.Name()) }()
	tasks, sum, err := b.fetch(ctx, id, file)
	if errors.Is(err, backend.ErrTooLarge) {
		return b.faulty(id, checksum, fmt.Sprintf("the test data have more than %d bytes, the most that runlease takes", casefile.MaxTestData))
	}
	if err != nil {
		return before, err
	}
	if sum != checksum && tries < doubts {
		return before, errors.New("it has changed while it was fetched")
	}
	known, err := b.publish(ctx, id, tasks, file)
	if reason, is := errors.AsType[*unfit](err); is {
		return b.faulty(id, checksum, reason.Error())
	}
	if err != nil {
		return before, err
	}
	known.Checksum = checksum
	b.counts.problems.WithLabelValues("published").Inc()
	b.Log.InfoContext(ctx, "published", "problem", id, "tasks", known.Tasks)
	return known, b.Journal.PutProblem(known)
}

// faulty notes that a problem cannot be judged by. Without a checksum it is looked
// at anew for the next submission.
func (b *Bridge) faulty(id int, checksum, why string) (journal.Problem, error) {
	b.counts.problems.WithLabelValues("faulty").Inc()
	b.Log.Warn("a problem cannot be judged by", "problem", id, "reason", why)
	p := journal.Problem{ID: id, Checksum: checksum, Fault: why}
	return p, b.Journal.PutProblem(p)
}

// withoutTestData finds out why the back end has no checksum: 500 is its answer for
// a problem without test data, too.
func (b *Bridge) withoutTestData(ctx context.Context, id, tries int, why error) (journal.Problem, error) {
	var tasks []backend.Task
	err := b.askBackEnd(ctx, func() (err error) { tasks, _, err = b.BackEnd.Meta(ctx, id); return err })
	switch {
	case err != nil:
		return journal.Problem{}, errors.Join(why, err)
	case len(tasks) == 0:
		return b.faulty(id, "", "the problem has no tasks: there is nothing to judge")
	case tries < doubts:
		return journal.Problem{}, why
	}
	return b.faulty(id, "", "the back end has no test data of the problem: a teacher uploads them, then the submission is judged by a rejudge")
}

// fetch reads tasks and test data of a problem, and reckons its checksum as the
// back end does.
func (b *Bridge) fetch(ctx context.Context, id int, file io.Writer) (tasks []backend.Task, checksum string, err error) {
	var raw []byte
	err = b.askBackEnd(ctx, func() (err error) { tasks, raw, err = b.BackEnd.Meta(ctx, id); return err })
	if err != nil {
		return nil, "", err
	}
	// Not by the gate: what is wrong with one download tells little of the rest.
	sum := md5.New() //nolint:gosec // as above
	err = b.BackEnd.TestData(ctx, id, io.MultiWriter(file, sum), casefile.MaxTestData)
	sum.Write(spaced(raw))
	return tasks, hex.EncodeToString(sum.Sum(nil)), err
}

// spaced is JSON as Python writes it by default: with a blank behind each comma
// and colon. There are no texts in it but keys.
func spaced(compact []byte) []byte {
	var out []byte
	for _, c := range compact {
		if out = append(out, c); c == ',' || c == ':' {
			out = append(out, ' ')
		}
	}
	return out
}

// unfit is why runlease cannot judge by a problem.
type unfit struct{ why string }

func (u *unfit) Error() string { return u.why }

// publish makes a problem the current version in runlease. An *unfit tells that it
// cannot be.
func (b *Bridge) publish(ctx context.Context, id int, tasks []backend.Task, file *os.File) (journal.Problem, error) {
	known := journal.Problem{ID: id, Tasks: len(tasks)}
	if len(tasks) == 0 {
		return known, &unfit{"the problem has no tasks: there is nothing to judge"}
	}
	zip, done, err := b.converted(file)
	if err != nil {
		return known, err
	}
	defer done()
	sum := sha256.New()
	size, err := io.Copy(sum, zip)
	if err != nil {
		return known, fmt.Errorf("read test data: %w", err)
	}
	var draft struct {
		Tasks    []backend.Task     `json:"tasks"`
		Testdata producer.Announced `json:"testdata"`
	}
	draft.Tasks, draft.Testdata = scored(tasks), producer.Announced{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
	path := fmt.Sprintf("/problems/%d", id)
	var drafted struct {
		Upload *producer.Upload `json:"upload"`
	}
	if err := b.askRunlease(ctx, func() error { return b.Runlease.Call(ctx, http.MethodPut, path, draft, &drafted) }); err != nil {
		return known, unfitOr(err)
	}
	if drafted.Upload != nil {
		err := b.askRunlease(ctx, func() error {
			return b.Runlease.Send(ctx, *drafted.Upload, io.NewSectionReader(zip, 0, size), size)
		})
		if err != nil {
			return known, fmt.Errorf("upload the test data: %w", err)
		}
	}
	err = b.askRunlease(ctx, func() error { return b.Runlease.Call(ctx, http.MethodPost, path+"/publish", nil, nil) })
	return known, unfitOr(err)
}

// unfitOr is an error as it is, or as an *unfit if it says that the problem itself
// is refused.
func unfitOr(err error) error {
	refusal, is := errors.AsType[*producer.Refusal](err)
	if is && (refusal.Status == http.StatusBadRequest || refusal.Status == http.StatusRequestEntityTooLarge || refusal.Status == http.StatusUnprocessableEntity) {
		return &unfit{refusal.Error()}
	}
	return err
}

// scored are tasks whose scores sum to 100, as runlease wants it. The back end
// reckons by its own, which it may have with another sum.
func scored(tasks []backend.Task) []backend.Task {
	const full = 100
	sum, legal := 0, true
	for _, t := range tasks {
		sum += t.Score
		legal = legal && t.Score >= 0
	}
	if sum == full && legal {
		return tasks
	}
	scored := append([]backend.Task(nil), tasks...)
	for i := range scored {
		scored[i].Score = 0
	}
	scored[len(scored)-1].Score = full
	return scored
}

func (b *Bridge) askBackEnd(ctx context.Context, call func() error) error {
	return b.backEndGate.pass(ctx, call)
}

func (b *Bridge) askRunlease(ctx context.Context, call func() error) error {
	return b.runleaseGate.pass(ctx, call)
}
