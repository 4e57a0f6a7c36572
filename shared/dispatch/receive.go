package dispatch

import (
	"context"
	"maps"
	"slices"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
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
	pool     job.Pool // whose queue the message is in
	handle   string
	receives int // of the message
}

// tally is how many messages a search has seen.
type tally struct {
	got       int  // in its last receive
	all, last int  // in all, and in its last receive, without those of unfit
	soon      int  // that will be seen again in a second or so, and may be this runner's then
	others    int  // about jobs that wait for another runner, as far as one is known
	failed    int  // of those, about jobs that this runner has failed at
	paused    int  // about jobs that an operator has paused
	unfit     int  // about jobs that this runner cannot judge
	clogged   bool // there are as many of those as were asked for, so there may be more behind them
	pool      job.Pool
	back      []Hiding
}

// hold notes a message of a job that is paused. It is hidden for as long as this
// process goes by the pause, so that a resume is in force when it is seen again.
func (t *tally) hold(handle string, stays time.Duration) {
	t.back = append(t.back, Hiding{handle, max(stays, listHide)})
	t.last--
	t.all--
	t.paused++
}

// needsOf tells what a job's problem asks of a runner, as far as it can be told.
type needsOf func(ctx context.Context, j job.Job, runner job.Candidate) job.Needs

// unread tells nothing: the claim that follows reads the problem.
func unread(context.Context, job.Job, job.Candidate) job.Needs { return job.Needs{} }

// search receives from the queue of a pool until there are jobs that the runner can
// claim, or no messages.
// Messages about jobs that wait for other runners go back when it is over, so that
// the next receive sees what is behind them. If there is nothing but those it
// looks at as many as it can: they must not keep the runner from its own.
func (d *Dispatcher) search(ctx context.Context, runner job.Candidate, pool job.Pool, limit int, hide time.Duration, needs needsOf) (offers []offer, seen tally, err error) {
	d.able.hear(runner, d.Now())
	seen.pool = pool
	most := limit
	if d.presence.rare(pool, runner.Languages) {
		most = maxReceived
	}
	for range maxReceives {
		offers, err = d.receive(ctx, runner, most, hide, needs, &seen)
		if err != nil || len(offers) > 0 || seen.got == 0 {
			break
		}
		if seen.unfit+seen.paused > 0 {
			most = min(4*most, maxReceived)
		}
	}
	if seen.failed > 0 && d.Roster != nil {
		d.conduct.change(runner.Runner, (*roster.Conduct).Failing)
	}
	if seen.clogged = seen.unfit >= unfitMany || seen.paused >= unfitMany; seen.clogged {
		for i := range seen.back {
			seen.back[i].For = max(seen.back[i].For, listHide)
		}
	}
	slices.SortStableFunc(offers, func(a, b offer) int {
		return d.presence.judges(pool, a.job.Language) - d.presence.judges(pool, b.job.Language)
	})
	for len(offers) > limit {
		last := len(offers) - 1
		seen.back = append(seen.back, Hiding{Handle: offers[last].handle})
		offers, seen.last = offers[:last], limit
	}
	d.hide(ctx, pool, seen.back)
	return offers, seen, err
}

// receive takes up to limit messages, does what the state of each one's job
// asks for, and returns those whose jobs the runner can claim; their messages stay
// hidden for hide. It also returns how many messages there were. It stands for
// every receiver of a message. What fails after the jobs are read is logged:
// the messages come back by themselves.
func (d *Dispatcher) receive(ctx context.Context, runner job.Candidate, limit int, hide time.Duration, needs needsOf, seen *tally) ([]offer, error) {
	messages, err := d.queueOf(seen.pool).Receive(ctx, limit, hide)
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
		d.giveBack(ctx, seen.pool, messages, hide)
		return nil, err
	}

	var offers []offer
	var hidings []Hiding
	var spent handles
	offered := make(map[string]bool)
	pauses, stays := d.paused(ctx)
	now := d.now()
	for _, m := range messages {
		j, exists := jobs[m.Job]
		handling := m.Dispose(j, exists, now)
		switch handling.Do {
		case job.Offered:
			n := needs(ctx, j, runner)
			here := j
			here.Pool = seen.pool // its message says so, whatever has become of the pool that it was handed in for
			n.Paused = pauses.Of(here.Pool.Name(), j.Problem) != nil
			switch o := here.MayHave(runner, n, now); {
			case o.Why == job.OnHold:
				seen.hold(m.Handle, stays)
			case o.Lasting():
				hide, anybody := d.unfit(ctx, j, n, m.Receives, o.Why)
				seen.pass(m.Handle, hide, anybody)
			case o.Why != "":
				hide := time.Duration(0)
				if seen.failed == 0 { // a runner that failed at several jobs hides one of them at most
					hide = d.othersHide(runner.Runner)
				}
				seen.back = append(seen.back, Hiding{m.Handle, hide})
				seen.others, seen.failed = seen.others+1, seen.failed+1
			case !offered[j.ID]: // a message may come twice in one answer
				offered[j.ID] = true
				offers = append(offers, offer{j, seen.pool, m.Handle, m.Receives})
			}
		case job.Attached:
			hidings = append(hidings, Hiding{m.Handle, handling.Hide})
			d.attach(ctx, j, m, now)
		case job.Ended:
			if d.end(ctx, j, now) {
				spent.add(seen.pool, m.Handle)
			}
		case job.Deleted:
			spent.add(seen.pool, m.Handle)
		case job.Hidden:
			hidings = append(hidings, Hiding{m.Handle, handling.Hide})
			if m.Early(j, exists) {
				seen.soon++
			}
		}
	}
	d.hide(ctx, seen.pool, hidings)
	d.deleteSpent(ctx, spent)
	return offers, nil
}

const (
	// writerBehind is how long a receiver waits for the write that follows a
	// message, when its runner may sit down next; writersAge is how old the
	// message is at most for that: older ones are of writers that died. A write in
	// memory is behind by less than firstReread, one to a table by some of its doublings.
	writerBehind = 200 * time.Millisecond
	firstReread  = time.Millisecond
	writersAge   = 3 * time.Second
)

// awaitWriters reads jobs again whose message came before their write: the writer
// is milliseconds behind. If the message were hidden instead, its runner would
// sit down, and the ring that follows the write would find the message hidden.
func (d *Dispatcher) awaitWriters(ctx context.Context, messages []job.Received, jobs map[string]job.Job) error {
	if d.Benches == nil {
		return nil
	}
	for waited, pause := time.Duration(0), firstReread; waited < writerBehind; pause *= 2 {
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
		pause = min(pause, writerBehind-waited)
		if err := d.Pause(ctx, pause); err != nil {
			return err
		}
		waited += pause
		again, err := d.Store.GetMany(ctx, unique(early))
		if err != nil {
			return err
		}
		maps.Copy(jobs, again)
	}
	return nil
}

// giveBack shows messages again that could not be dealt with: no runner has the lease
// for whose time they are hidden.
func (d *Dispatcher) giveBack(ctx context.Context, pool job.Pool, messages []job.Received, hidden time.Duration) {
	if hidden <= listHide {
		return
	}
	hidings := make([]Hiding, len(messages))
	for i, m := range messages {
		hidings[i] = Hiding{m.Handle, listHide}
	}
	d.hide(ctx, pool, hidings)
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
