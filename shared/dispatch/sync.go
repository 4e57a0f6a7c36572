package dispatch

import (
	"context"
	"errors"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/roster"
)

// SyncRequest is everything that a runner has to say in one call: up to 100 jobs,
// which are read at once. The wire allows 10 results and 10 claims.
type SyncRequest struct {
	Runner       string
	Version      string // of its program
	Slots        int    // jobs that it wants, 0 to 10
	LeaseSeconds *int   // of those jobs; nil: the default
	Pools        job.Pools
	Languages    job.Languages
	Checkers     bool // the runner knows of checkers
	Inline       bool // code may come with the claims
	Done         []CompleteRequest
	Active       []ActiveClaim
	Seat         int64  // where it waits for a ring, as far as it knows; 0: nowhere
	Rung         bool   // it comes because of a ring
	Credential   string // the id of the credential that it shows
}

// ActiveClaim is a job that a runner is working on.
type ActiveClaim struct {
	ID        string
	TokenHash string
}

// Synced answers a SyncRequest: one entry per item, in their order, and the jobs
// that are claimed now. No slice is nil.
type Synced struct {
	Done        []Answer
	Active      []Action
	Jobs        []Claimed
	PollSeconds int
	Seat        int64         // where it waits for a ring from now on; 0: nowhere
	Barred      job.Why       // why it gets no jobs, whatever waits; "": it may have some
	Paused      *roster.Pause // none of its pools gives out jobs; nil: one may

	HeartbeatSeconds int // how often the runner should send a heartbeat
}

// Sync takes results, keeps leases and claims new jobs straight off the queue, in
// this order. Every item is judged on its own, by the rules and with the codes
// of its single use case; a result that could not be taken is answered with
// ItemFailed, and the runner repeats it. Refused, as a whole, with InvalidLease or
// UnknownPool.
// An error means that nothing at all could be done.
func (d *Dispatcher) Sync(ctx context.Context, r SyncRequest) (Synced, Answer, error) {
	lease, answer := d.Lease.grant(r.LeaseSeconds)
	if !answer.OK() {
		return Synced{}, answer, nil
	}
	pools, answer := d.served(r.Pools)
	if !answer.OK() {
		return Synced{}, answer, nil
	}
	s := Synced{
		Done: make([]Answer, len(r.Done)), Active: make([]Action, len(r.Active)), Jobs: []Claimed{},
		PollSeconds: seconds(d.Pace.idle(d.presence.hear(r.Runner, r.Pools, r.Languages, d.Now()))), HeartbeatSeconds: job.HeartbeatEvery(lease),
	}
	update := d.readAhead(ctx, r)
	failed := d.takeResults(ctx, r, update, s.Done)
	failed = append(failed, d.keepLeases(ctx, r, update, s.Active)...)
	parts := len(r.Done) + len(r.Active)
	if r.Slots == 0 {
		d.Heard(ctx, r.Runner)
		s.Seat = r.Seat // not looked at
	} else if looked, err := d.giveJobs(ctx, r, pools, lease, &s); looked {
		if parts++; err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 && len(failed) == parts {
		return Synced{}, granted, errors.Join(failed...)
	}
	// The rest is decided, and the runner must hear of it.
	for _, err := range failed {
		d.Log.ErrorContext(ctx, "part of a sync failed", "runner", r.Runner, "error", err)
	}
	return s, granted, nil
}

// giveJobs claims jobs for a runner with free slots. It looks for none while the runner
// is barred or all its pools are paused: then the messages stay as they are.
func (d *Dispatcher) giveJobs(ctx context.Context, r SyncRequest, pools []job.Pool, leaseSeconds int, s *Synced) (looked bool, err error) {
	if r.Rung {
		d.rungForAct(r)
	}
	asking, probes := d.asks(ctx, r.candidate(), true, r.Slots)
	if s.Barred = asking.Barred; s.Barred == "" {
		if probes {
			r.Slots = 1
		}
		if r.Slots = d.reserve(ctx, r.Runner, r.Slots); r.Slots == 0 {
			s.Barred = job.RunnerSilent
		}
	}
	if s.Barred != "" && d.Benches != nil { // what it was rung for is another's
		c := d.chainOf(pools...)
		if r.Seat != 0 {
			c.leave(ctx, r.Seat)
		}
		if r.Rung {
			c.ringEach(ctx, c.pools...)
		}
	}
	serves := pools
	pauses, stays := d.paused(ctx)
	pools, shut := givenOut(pools, pauses)
	if len(pools) == 0 {
		s.Paused = shut
	}
	if s.Barred != "" {
		return false, nil
	}
	defer func() { d.settle(r.Runner, r.Slots, s.Jobs...) }()
	if s.Paused != nil {
		s.PollSeconds = againIn(stays)
		return false, nil
	}
	if probes {
		err = d.giveProbe(ctx, r, pools, leaseSeconds, s)
	} else {
		err = d.visit(ctx, r, serves, pools, leaseSeconds, s)
	}
	if shut != nil { // it is to find the others when they are resumed
		s.PollSeconds = min(s.PollSeconds, againIn(stays))
	}
	return true, err
}

// giveProbe claims the job by which a quarantined runner may show that it works again.
// The runner is not to wait for a ring, which another would miss.
func (d *Dispatcher) giveProbe(ctx context.Context, r SyncRequest, pools []job.Pool, leaseSeconds int, s *Synced) (err error) {
	for _, pool := range pools {
		if _, err = d.claimOffers(ctx, r, pool, leaseSeconds, s); err != nil || len(s.Jobs) > 0 {
			break
		}
	}
	d.probing(ctx, r.Runner, s.Jobs...)
	return err
}

// readAhead reads the jobs of all items in one call, if there are several. If
// that fails each is read on its own, so that one bad record fails alone.
func (d *Dispatcher) readAhead(ctx context.Context, r SyncRequest) updater {
	ids := make([]string, 0, len(r.Done)+len(r.Active))
	for _, done := range r.Done {
		ids = append(ids, done.ID)
	}
	for _, active := range r.Active {
		ids = append(ids, active.ID)
	}
	if ids = unique(ids); len(ids) < 2 {
		return d.update
	}
	jobs, err := d.Store.GetMany(ctx, ids)
	if err != nil {
		d.Log.WarnContext(ctx, "jobs not read together", "error", err)
		return d.update
	}
	return func(ctx context.Context, id string, decide decide) (change, error) {
		j, found := jobs[id]
		if !found {
			return unknown, nil
		}
		c, err := d.updateFrom(ctx, j, decide)
		switch {
		case err != nil: // what is stored is unknown: the next write finds out
		case c.after.ID == "":
			delete(jobs, id)
		default:
			jobs[id] = c.after
		}
		return c, err
	}
}

// takeResults completes jobs, and deletes their messages in one call after the
// last write.
func (d *Dispatcher) takeResults(ctx context.Context, r SyncRequest, update updater, answers []Answer) (failed []error) {
	var spent handles
	for i, done := range r.Done {
		done.Runner = r.Runner
		answer, err := d.complete(ctx, done, update, &spent)
		if err != nil {
			failed = append(failed, fmt.Errorf("take result of job %s: %w", done.ID, err))
			answer = Answer{Outcome: ItemFailed}
		}
		answers[i] = answer
	}
	d.deleteSpent(ctx, spent)
	return failed
}

// keepLeases hears heartbeats, and hides their messages in one call after the
// last write.
func (d *Dispatcher) keepLeases(ctx context.Context, r SyncRequest, update updater, actions []Action) (failed []error) {
	hidings := make(hidings)
	for i, active := range r.Active {
		action, answer, err := d.heartbeat(ctx, active.ID, r.Runner, active.TokenHash, update, hidings)
		switch {
		case err != nil:
			// Nothing is known: the runner goes on and is heard the next time.
			failed = append(failed, fmt.Errorf("keep lease of job %s: %w", active.ID, err))
			action = ActionContinue
		case !answer.OK():
			action = ActionLost
		}
		actions[i] = action
	}
	d.hideAll(ctx, hidings)
	return failed
}

func (r SyncRequest) candidate() job.Candidate {
	return job.Candidate{Runner: r.Runner, Version: r.Version, Pools: r.Pools, Languages: r.Languages, Checkers: r.Checkers}
}

// claimOffers takes messages off the queue of a pool, hidden for the lease, and claims
// their jobs. Where that fails the message is given back, and its next receiver
// looks again. An error means that something broke and no job was claimed.
func (d *Dispatcher) claimOffers(ctx context.Context, r SyncRequest, pool job.Pool, leaseSeconds int, s *Synced) (tally, error) {
	slots := r.Slots - len(s.Jobs)
	runner := r.candidate()
	offers, seen, err := d.search(ctx, runner, pool, slots, inSeconds(leaseSeconds), unread)
	if err != nil {
		return seen, err
	}
	var failed []error
	var back []Hiding
	claims := 0
	read := d.readOnce()
	for _, o := range offers {
		var claimed Claimed
		c, err := d.updateFrom(ctx, o.job, d.claim(runner, &o, leaseSeconds, read))
		switch {
		case err == nil && c.Outcome == job.Unfit: // for others, who must not wait for it
			hide, anybody := d.unfit(ctx, o.job, lacking(ctx, o.job, read), o.receives, job.LacksCheckers)
			if back = append(back, Hiding{o.handle, hide}); anybody {
				seen.others++
			}
			seen.last--
		case err != nil || !c.OK():
			back = append(back, Hiding{o.handle, listHide})
			if err != nil {
				seen.soon++
			}
		default:
			claimed, err = d.claimed(ctx, c)
		}
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("claim job %s: %w", o.job.ID, err))
		case c.OK():
			s.Jobs = append(s.Jobs, claimed)
			claims++
		}
	}
	d.hide(ctx, pool, back)
	if r.Inline {
		d.fillCode(ctx, s.Jobs[len(s.Jobs)-claims:])
	}
	s.PollSeconds = d.Pace.after(seen.last >= slots || seen.clogged, claims, s.PollSeconds)
	if len(s.Jobs) == 0 {
		return seen, errors.Join(failed...)
	}
	for _, err := range failed {
		d.Log.ErrorContext(ctx, "part of a sync failed", "runner", r.Runner, "error", err)
	}
	return seen, nil
}

// lacking is what a job needs that its receiver turned out to lack: a checker, by its
// problem if that is read again.
func lacking(ctx context.Context, j job.Job, read problemReader) job.Needs {
	if p, found, err := read(ctx, j.Problem); err == nil && found {
		return needsIn(p.Current)
	}
	return job.Needs{Checker: true}
}

// readOnce is Store.Problem for the claims of one call, which are often of
// one problem: it reads each only once.
func (d *Dispatcher) readOnce() problemReader {
	known := map[int]problem.Problem{}
	return func(ctx context.Context, id int) (problem.Problem, bool, error) {
		if p, found := known[id]; found {
			return p, true, nil
		}
		p, found, err := d.Store.Problem(ctx, id)
		if err == nil && found {
			known[id] = p
		}
		return p, found, err
	}
}
