package dispatch

import (
	"context"
	"maps"
	"slices"
	"time"

	"runlease/shared/job"
)

// listHide is how long a listed job is not shown to others. A client claims
// what it wants at once; what it leaves is soon back.
const listHide = 3 * time.Second

// maxReceives bounds how often one search looks behind messages that are spent
// (of cancelled jobs, say), so that they do not hide the jobs that wait.
const maxReceives = 3

// offer is a job that can be claimed, with the message that said so.
type offer struct {
	job      job.Job
	handle   string
	receives int // of the message
}

// tally is how many messages a search has seen.
type tally struct {
	got       int  // in its last receive
	all, last int  // in all, and in its last receive, without those of unfit
	soon      int  // that will be seen again in a second or so, and may be this runner's then
	others    int  // about jobs that wait for another runner, as far as one is known
	unfit     int  // about jobs that this runner cannot judge
	clogged   bool // by so many of those that more must be behind them
	back      []Hiding
}

// needsOf tells what a job's problem asks of a runner, as far as it can be told.
type needsOf func(ctx context.Context, j job.Job, runner job.Candidate) job.Needs

// unread tells nothing: the claim that follows reads the problem.
func unread(context.Context, job.Job, job.Candidate) job.Needs { return job.Needs{} }

// search receives until there are jobs that the runner can claim, or no messages.
// Messages about jobs that wait for other runners go back when it is over, so that
// the next receive sees what is behind them. If there is nothing but those it
// looks at as many as it can: they must not keep the runner from its own.
func (d *Dispatcher) search(ctx context.Context, runner job.Candidate, limit int, hide time.Duration, needs needsOf) (offers []offer, seen tally, err error) {
	d.able.hear(runner, d.Now())
	most := limit
	if d.fleet.rare(runner.Languages) {
		most = maxReceived
	}
	for range maxReceives {
		offers, err = d.receive(ctx, runner, most, hide, needs, &seen)
		if err != nil || len(offers) > 0 || seen.got == 0 {
			break
		}
		if seen.unfit > 0 {
			most = min(4*most, maxReceived)
		}
	}
	if seen.clogged = seen.unfit >= unfitMany; seen.clogged {
		for i := range seen.back {
			seen.back[i].For = max(seen.back[i].For, listHide)
		}
	}
	slices.SortStableFunc(offers, func(a, b offer) int { return d.fleet.judges(a.job.Language) - d.fleet.judges(b.job.Language) })
	for len(offers) > limit {
		last := len(offers) - 1
		seen.back = append(seen.back, Hiding{Handle: offers[last].handle})
		offers, seen.last = offers[:last], limit
	}
	d.hide(ctx, seen.back)
	return offers, seen, err
}

// receive takes up to limit messages, does what the state of each one's job
// asks for, and returns those whose jobs the runner can claim; their messages stay
// hidden for hide. It also returns how many messages there were. It stands for
// every receiver of a message. What fails after the jobs are read is logged:
// the messages come back by themselves.
func (d *Dispatcher) receive(ctx context.Context, runner job.Candidate, limit int, hide time.Duration, needs needsOf, seen *tally) ([]offer, error) {
	messages, err := d.Queue.Receive(ctx, limit, hide)
	seen.got, seen.last = len(messages), len(messages)
	seen.all += seen.last
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m.Job
	}
	jobs, err := d.Store.GetMany(ctx, unique(ids))
	if err == nil {
		err = d.awaitWriters(ctx, messages, jobs)
	}
	if err != nil {
		d.giveBack(ctx, messages, hide)
		return nil, err
	}

	var offers []offer
	var hidings []Hiding
	var spent []string
	offered := make(map[string]bool)
	now := d.now()
	for _, m := range messages {
		j, exists := jobs[m.Job]
		handling := m.Dispose(j, exists, now)
		switch handling.Do {
		case job.Offered:
			n := needs(ctx, j, runner)
			switch o := j.MayHave(runner, n, now); {
			case o.Lasting():
				hide, anybody := d.unfit(ctx, j, n, m.Receives, o.Why)
				seen.pass(m.Handle, hide, anybody)
			case o.Why != "":
				seen.back = append(seen.back, Hiding{m.Handle, d.othersHide()}) // others see it soon
				seen.others++
			case !offered[j.ID]: // a message may come twice in one answer
				offered[j.ID] = true
				offers = append(offers, offer{j, m.Handle, m.Receives})
			}
		case job.Attached:
			hidings = append(hidings, Hiding{m.Handle, handling.Hide})
			d.attach(ctx, j, m, now)
		case job.Ended:
			if d.end(ctx, j, now) {
				spent = append(spent, m.Handle)
			}
		case job.Deleted:
			spent = append(spent, m.Handle)
		case job.Hidden:
			hidings = append(hidings, Hiding{m.Handle, handling.Hide})
			if m.Early(j, exists) {
				seen.soon++
			}
		}
	}
	d.hide(ctx, hidings)
	d.deleteSpent(ctx, spent...)
	return offers, nil
}

const (
	// writerBehind is how long a receiver waits for the write that follows a
	// message, when its runner may sit down next; writersAge is how old the
	// message is at most for that: older ones are of writers that died.
	writerBehind = 200 * time.Millisecond
	writersAge   = 3 * time.Second
	rereads      = 10
)

// awaitWriters reads jobs again whose message came before their write: the writer
// is milliseconds behind. If the message were hidden instead, its runner would
// sit down, and the ring that follows the write would find the message hidden.
func (d *Dispatcher) awaitWriters(ctx context.Context, messages []job.Received, jobs map[string]job.Job) error {
	if d.Benches == nil {
		return nil
	}
	for range rereads {
		var early []string
		now := d.now()
		for _, m := range messages {
			j, exists := jobs[m.Job]
			if m.Early(j, exists) && now.Sub(m.SentAt) < writersAge {
				early = append(early, m.Job)
			}
		}
		if len(early) == 0 {
			return nil
		}
		if err := d.Pause(ctx, writerBehind/rereads); err != nil {
			return err
		}
		again, err := d.Store.GetMany(ctx, unique(early))
		if err != nil {
			return err
		}
		maps.Copy(jobs, again)
	}
	return nil
}

// othersHide is how long a message is hidden whose job waits for another runner:
// with a doorbell that one is rung at once.
func (d *Dispatcher) othersHide() time.Duration {
	if d.Benches != nil {
		return 0
	}
	return listHide
}

// giveBack keeps messages that could not be dealt with from being hidden for the
// time of a lease that nobody has.
func (d *Dispatcher) giveBack(ctx context.Context, messages []job.Received, hidden time.Duration) {
	if hidden <= listHide {
		return
	}
	hidings := make([]Hiding, len(messages))
	for i, m := range messages {
		hidings[i] = Hiding{m.Handle, listHide}
	}
	d.hide(ctx, hidings)
}

// attach gives the claim the handle of its message.
func (d *Dispatcher) attach(ctx context.Context, j job.Job, m job.Received, now job.Time) {
	op := job.AttachOp{Now: now, Bell: m.Bell, Handle: m.Handle}
	if _, err := d.updateFrom(ctx, j, apply(op.Apply)); err != nil {
		d.Log.WarnContext(ctx, "receipt handle not noted", "job_id", j.ID, "error", err)
	}
}

// end makes j final if it is over, and reports whether it is now.
func (d *Dispatcher) end(ctx context.Context, j job.Job, now job.Time) bool {
	c, err := d.updateFrom(ctx, j, apply(job.EndOp{Now: now}.Apply))
	if err != nil {
		d.Log.WarnContext(ctx, "job not ended", "job_id", j.ID, "error", err)
		return false
	}
	if c.write {
		d.Log.InfoContext(ctx, "job ended by the system", "job_id", j.ID, "attempt", c.after.Attempt, "state", string(c.after.State))
	}
	// Its bell was the job's when that was read. If another has ended the job
	// since, with a new bell, the message is older and spent as well.
	return c.after.Final()
}
