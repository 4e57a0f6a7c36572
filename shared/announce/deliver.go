package announce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"runlease/shared/job"
	"runlease/shared/version"
)

// parkFor is how long an endpoint that failed gets nothing at first hand: what is
// new for it goes to the outbox, so that it delays no other endpoint's.
const parkFor = 50 * time.Second

// sideBySide is how many letters are tried at once, and perEndpoint how many jobs are
// announced at once to an endpoint.
const (
	sideBySide  = 32
	perEndpoint = 16
)

// leastTime is what a delivery that begins in the middle of an Announce has left at least:
// less would tell nothing about its endpoint.
const leastTime = time.Second

// listedFor is how long an Announcer remembers the endpoints.
const listedFor = 30 * time.Second

// unknownFor is how old a letter to an unknown endpoint must be to be dropped: the
// endpoint may have been added after this process has listed them.
const unknownFor = 10 * time.Minute

// Jobs reads jobs, as dispatch.Store does.
type Jobs interface {
	Get(ctx context.Context, id string) (job.Job, bool, error)
}

// Announcer delivers announcements.
type Announcer struct {
	Endpoints Endpoints
	Outbox    Outbox
	Jobs      Jobs
	// Show is a job as GET /jobs/{id} shows it.
	Show func(job.Job) ([]byte, error)
	Log  *slog.Logger
	Now  func() time.Time

	policy         Policy
	checked, named *http.Client
	mu             sync.Mutex
	parked         map[string]time.Time // by endpoint: until when
	listed         []Endpoint
	listedAt       time.Time // zero: they are to be listed
}

// New returns an Announcer that calls what a policy allows; its other fields are
// to be set.
func New(p Policy) *Announcer {
	return &Announcer{
		policy: p, checked: p.client(true), named: p.client(false),
		parked: make(map[string]time.Time), Log: slog.Default(), Now: time.Now,
	}
}

// Announce tries every endpoint once for each of the final jobs, side by side and for
// as long as one delivery may take, and puts into the outbox what was not delivered. An error
// means that neither was possible: it is to be called again with the same jobs.
func (a *Announcer) Announce(ctx context.Context, jobs []job.Job) error {
	endpoints, err := a.endpoints(ctx)
	if err != nil || len(endpoints) == 0 {
		return err
	}
	var mu sync.Mutex
	var left []Letter
	keep := func(letters ...Letter) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, letters...)
	}
	messages := make([]message, 0, len(jobs))
	shown := make([]job.Job, 0, len(jobs))
	for _, j := range jobs {
		m, err := a.about(j)
		if err != nil { // it cannot be shown now, and perhaps by another version
			a.Log.ErrorContext(ctx, "job not announced at once", "job_id", j.ID, "error", err)
			keep(LettersFor(j, endpoints, a.Now())...)
			continue
		}
		messages, shown = append(messages, m), append(shown, j)
	}
	began := time.Now()
	within, cancel := context.WithDeadline(ctx, began.Add(deliveryTimeout))
	defer cancel()
	var all sync.WaitGroup
	for _, e := range endpoints {
		// Each has its own share of what runs side by side: a slow one holds up itself.
		all.Go(func() {
			var side errgroup.Group
			side.SetLimit(perEndpoint)
			for i, m := range messages {
				side.Go(func() error {
					tooLate := time.Since(began) > deliveryTimeout-leastTime
					if tooLate || a.isParked(e.ID) || a.post(within, e, m) != nil {
						keep(LettersFor(shown[i], []Endpoint{e}, a.Now())...)
					}
					return nil
				})
			}
			_ = side.Wait() // none of them fails
		})
	}
	all.Wait()
	if len(left) == 0 {
		return nil
	}
	return a.Outbox.Add(context.WithoutCancel(ctx), left)
}

func (a *Announcer) about(j job.Job) (message, error) {
	data, err := a.Show(j)
	if err != nil {
		return message{}, err
	}
	return final(j, data)
}

// Drained is what became of letters.
type Drained struct{ Delivered, Dropped, Failed, Buried int }

// Drain tries letters that are due until none is left or ctx ends.
func (a *Announcer) Drain(ctx context.Context) (Drained, error) {
	var drained Drained
	var mu sync.Mutex
	var failed error
	var side errgroup.Group
	side.SetLimit(sideBySide)
	err := a.Deliver(ctx, &side, func(one Drained, err error) {
		mu.Lock()
		defer mu.Unlock()
		drained.Delivered += one.Delivered
		drained.Dropped += one.Dropped
		drained.Failed += one.Failed
		drained.Buried += one.Buried
		failed = errors.Join(failed, err)
	})
	_ = side.Wait() // none of them fails
	return drained, errors.Join(err, failed)
}

// Deliver begins to try letters that are due, until none is left, the outbox fails for one
// or ctx ends. The tries run in side, whose limit bounds them, and Deliver does not wait for
// their ends. done is told of each.
func (a *Announcer) Deliver(ctx context.Context, side *errgroup.Group, done func(Drained, error)) error {
	a.forget()
	endpoints, err := a.endpoints(ctx)
	if err != nil || len(endpoints) == 0 {
		return err // without endpoints a letter can wait
	}
	byID := make(map[string]Endpoint, len(endpoints))
	for _, e := range endpoints {
		byID[e.ID] = e
	}
	var failed atomic.Bool
	for ctx.Err() == nil && !failed.Load() {
		held, err := a.Outbox.Due(ctx)
		if err != nil || len(held) == 0 {
			return err
		}
		for _, h := range held {
			side.Go(func() error {
				one, err := a.try(ctx, byID, h)
				if err != nil {
					failed.Store(true)
				}
				done(one, err)
				return nil
			})
		}
	}
	return nil
}

// try delivers one letter, if it is still true, and returns the outcome.
func (a *Announcer) try(ctx context.Context, endpoints map[string]Endpoint, h Held) (Drained, error) {
	failed, dropped := Drained{Failed: 1}, Drained{Dropped: 1}
	e, known := endpoints[h.Endpoint]
	switch {
	case !known && a.Now().Sub(h.Since) < unknownFor:
		return failed, a.Outbox.Later(ctx, h, parkFor)
	case !known:
		return dropped, a.Outbox.Remove(ctx, h)
	}
	rest, more := pause(h.Letter, h.Tries, a.Now())
	if a.isParked(e.ID) && more {
		return failed, a.Outbox.Later(ctx, h, rest)
	}
	j, found, err := a.Jobs.Get(ctx, h.Job)
	switch {
	case err != nil:
		return failed, err
	case !found || !j.Final() || j.Generation != h.Generation:
		return dropped, a.Outbox.Remove(ctx, h) // its next generation is announced for itself
	}
	m, err := a.about(j)
	if err == nil {
		err = a.post(ctx, e, m)
	}
	if err == nil {
		return Drained{Delivered: 1}, a.Outbox.Remove(context.WithoutCancel(ctx), h)
	}
	if ctx.Err() != nil { // we end: it is given out again soon
		return failed, ctx.Err()
	}
	if more && !errors.Is(err, errGone) {
		return failed, a.Outbox.Later(context.WithoutCancel(ctx), h, rest)
	}
	h.Failure = err.Error()
	a.Log.ErrorContext(ctx, "announcement given up", "webhook", e.ID, "job_id", h.Job, "error", err)
	return Drained{Buried: 1}, a.Outbox.Bury(context.WithoutCancel(ctx), h)
}

// errGone is an endpoint's word that it wants no more.
var errGone = errors.New("the endpoint answers 410 Gone: remove it, or send its letters back when it is there again")

// Test sends a test message to an endpoint, and returns why it was not taken.
func (a *Announcer) Test(ctx context.Context, e Endpoint) error {
	m, err := newMessage(fmt.Sprintf("test-%s-%d", e.ID, a.Now().UnixNano()), TypeTest, a.Now(), []byte(`{}`))
	if err != nil {
		return err
	}
	return a.post(ctx, e, m)
}

// post makes one delivery. An endpoint that does not take it is parked.
func (a *Announcer) post(ctx context.Context, e Endpoint, m message) error {
	err := a.send(ctx, e, m)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		delete(a.parked, e.ID)
		return nil
	}
	a.parked[e.ID] = a.Now().Add(parkFor)
	return err
}

func (a *Announcer) send(ctx context.Context, e Endpoint, m message) error {
	if err := a.policy.Check(e.URL); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(m.body))
	if err != nil {
		return errors.New("the endpoint's URL makes no sense")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", version.UserAgent("runlease-webhook"))
	// A kept connection may have died while this process was frozen or idle: then the
	// request goes again on a new one. The key is for the transport and is not sent; the
	// receiver goes by webhook-id.
	r.Header["Idempotency-Key"] = nil
	if err := e.sign(r.Header, m, a.Now()); err != nil {
		return err
	}
	client := a.checked
	if a.policy.named(r.URL) {
		client = a.named
	}
	reply, err := client.Do(r)
	if err != nil {
		return cause(err)
	}
	defer reply.Body.Close()
	_, _ = io.CopyN(io.Discard, reply.Body, replyBytes) // not read: the connection is used again
	switch {
	case reply.StatusCode/100 == 2:
		return nil
	case reply.StatusCode == http.StatusGone:
		return errGone
	case reply.StatusCode/100 == 3:
		return fmt.Errorf("the endpoint answers %d: redirects are not followed, give its final URL", reply.StatusCode)
	}
	return fmt.Errorf("the endpoint answers %d, want 2xx", reply.StatusCode)
}

// cause is an error without the URL in front, which may hold a key in its query.
func cause(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func (a *Announcer) isParked(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Now().Before(a.parked[id])
}

// endpoints lists them, at most every half minute.
func (a *Announcer) endpoints(ctx context.Context) ([]Endpoint, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.listedAt.IsZero() && a.Now().Sub(a.listedAt) < listedFor {
		return a.listed, nil
	}
	listed, err := a.Endpoints.Endpoints(ctx)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	a.listed, a.listedAt = listed, a.Now()
	return listed, nil
}

// forget makes the next call list the endpoints anew.
func (a *Announcer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listedAt = time.Time{}
}
