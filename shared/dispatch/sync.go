package dispatch

import (
	"context"
	"errors"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// SyncRequest is everything that a runner has to say in one call: up to 100 jobs,
// which are read at once. The wire allows 10 results and 10 claims.
type SyncRequest struct {
	Runner       string
	Slots        int  // jobs that it wants, 0 to 10
	LeaseSeconds *int // of those jobs; nil: the default
	Languages    job.Languages
	Checkers     bool // the runner knows of checkers
	Inline       bool // code may come with the claims
	Done         []CompleteRequest
	Active       []ActiveClaim
	Seat         int64  // where it waits for a ring, as far as it knows; 0: nowhere
	Credential   string // the id of the one that it shows
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
	Seat        int64 // where it waits for a ring from now on; 0: nowhere

	HeartbeatSeconds int // how often the runner should send a heartbeat
}

// Sync takes results, keeps leases and claims new jobs straight off the queue, in
// this order. Every item is judged on its own, by the rules and with the codes
// of its single use case; a result that could not be taken is answered with
// ItemFailed, and the runner repeats it. Refused, as a whole, with InvalidLease.
// An error means that nothing at all could be done.
func (d *Dispatcher) Sync(ctx context.Context, r SyncRequest) (Synced, Answer, error) {
	lease, answer := d.Lease.grant(r.LeaseSeconds)
	if !answer.OK() {
		return Synced{}, answer, nil
	}
	s := Synced{
		Done: make([]Answer, len(r.Done)), Active: make([]Action, len(r.Active)), Jobs: []Claimed{},
		PollSeconds: seconds(d.Pace.idle(d.fleet.hear(r.Runner, r.Languages, d.Now()))), HeartbeatSeconds: job.HeartbeatEvery(lease),
	}
	update := d.readAhead(ctx, r)
	failed := d.takeResults(ctx, r, update, s.Done)
	failed = append(failed, d.keepLeases(ctx, r, update, s.Active)...)
	parts := len(r.Done) + len(r.Active)
	if r.Slots > 0 {
		parts++
		if err := d.visit(ctx, r, lease, &s); err != nil {
			failed = append(failed, err)
		}
	} else {
		s.Seat = r.Seat // not looked at
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
	var spent []string
	for i, done := range r.Done {
		done.Runner = r.Runner
		handle, answer, err := d.complete(ctx, done, update)
		if err != nil {
			failed = append(failed, fmt.Errorf("take result of job %s: %w", done.ID, err))
			answer = Answer{Outcome: ItemFailed}
		}
		spent = append(spent, handle)
		answers[i] = answer
	}
	d.deleteSpent(ctx, spent...)
	return failed
}

// keepLeases hears heartbeats, and hides their messages in one call after the
// last write.
func (d *Dispatcher) keepLeases(ctx context.Context, r SyncRequest, update updater, actions []Action) (failed []error) {
	var hidings []Hiding
	for i, active := range r.Active {
		hiding, action, answer, err := d.heartbeat(ctx, active.ID, r.Runner, active.TokenHash, update)
		switch {
		case err != nil:
			// Nothing is known: the runner goes on and is heard the next time.
			failed = append(failed, fmt.Errorf("keep lease of job %s: %w", active.ID, err))
			action = ActionContinue
		case !answer.OK():
			action = ActionLost
		}
		hidings = append(hidings, hiding...)
		actions[i] = action
	}
	d.hide(ctx, hidings)
	return failed
}

// claimOffers takes messages off the queue, hidden for the lease, and claims
// their jobs. Where that fails the message is given back, and its next receiver
// looks again. An error means that something broke and no job was claimed.
func (d *Dispatcher) claimOffers(ctx context.Context, r SyncRequest, leaseSeconds int, s *Synced) (tally, error) {
	slots := r.Slots - len(s.Jobs)
	runner := job.Candidate{Runner: r.Runner, Languages: r.Languages, Checkers: r.Checkers}
	offers, seen, err := d.search(ctx, runner, slots, inSeconds(leaseSeconds), unread)
	if err != nil {
		return seen, err
	}
	var failed []error
	var back []Hiding
	claims := 0
	read := d.readOnce()
	for _, o := range offers {
		var claimed Claimed
		c, err := d.updateFrom(ctx, o.job, d.claim(runner, o, leaseSeconds, read))
		switch {
		case err == nil && c.Outcome == job.Unfit: // for others, who must not wait for it
			needs := job.Needs{Checker: true}
			if p, found, readErr := read(ctx, o.job.Problem); readErr == nil && found { // again, from what was read
				needs = needsIn(p.Current)
			}
			hide, anybody := d.unfit(ctx, o.job, needs, o.receives, job.LacksCheckers)
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
	d.hide(ctx, back)
	if r.Inline {
		d.fillCode(ctx, s.Jobs)
	}
	// A queue that gave as many messages as were asked for has more.
	switch more := seen.last >= slots || seen.clogged; {
	case more && claims > 0:
		s.PollSeconds = 0
	case more:
		s.PollSeconds = min(s.PollSeconds, seconds(d.Pace.Busy))
	}
	if len(s.Jobs) == 0 {
		return seen, errors.Join(failed...)
	}
	for _, err := range failed {
		d.Log.ErrorContext(ctx, "part of a sync failed", "runner", r.Runner, "error", err)
	}
	return seen, nil
}

// readOnce is Store.Problem, but for the claims of one call, which are often of
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
