package dispatch

import (
	"context"
	"maps"
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
	job    job.Job
	handle string
}

// tally is how many messages a search has seen.
type tally struct {
	all, last int // in all, and in its last receive
	soon      int // that will be seen again in a second or so, and may be this runner's then
	others    int // about jobs that wait for another runner
}

// search receives until there are jobs that the runner can claim, or no messages.
func (d *Dispatcher) search(ctx context.Context, runner string, limit int, hide time.Duration) (offers []offer, seen tally, err error) {
	for range maxReceives {
		offers, err = d.receive(ctx, runner, limit, hide, &seen)
		if err != nil || len(offers) > 0 || seen.last == 0 || d.Benches != nil && seen.others > 0 {
			break
		}
	}
	return offers, seen, err
}

// receive takes up to limit messages, does what the state of each one's job
// asks for, and returns those whose jobs the runner can claim; their messages stay
// hidden for hide. It also returns how many messages there were. It stands for
// every receiver of a message. What fails after the jobs are read is logged:
// the messages come back by themselves.
func (d *Dispatcher) receive(ctx context.Context, runner string, limit int, hide time.Duration, seen *tally) ([]offer, error) {
	messages, err := d.Queue.Receive(ctx, limit, hide)
	seen.last = len(messages)
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
			switch o := j.MayHave(job.Candidate{Runner: runner}, job.Needs{}, now); {
			case o.Why != "":
				hidings = append(hidings, Hiding{m.Handle, d.othersHide()}) // others see it soon
				seen.others++
			case !offered[j.ID]: // a message may come twice in one answer
				offered[j.ID] = true
				offers = append(offers, offer{j, m.Handle})
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
