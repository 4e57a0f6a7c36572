package dispatch

import (
	"context"
	"time"

	"runlease/shared/job"
)

// SyncRequest is everything that a runner has to say in one call.
type SyncRequest struct {
	Runner string
	Slots  int           // jobs that it wants, 0 to 10
	Lease  time.Duration // of those jobs; 0: the default
	Done   []CompleteRequest
	Active []ActiveClaim
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
	Heartbeat   time.Duration
}

// Sync takes results, keeps leases and claims new jobs straight off the queue.
// Every item is judged on its own, by the rules and with the codes of its
// single use case; what fails is answered with the code ItemFailed, and the
// runner repeats it. Refused, as a whole, with InvalidLease.
func (d *Dispatcher) Sync(ctx context.Context, r SyncRequest) (Synced, Answer, error) {
	lease, answer := d.lease(r.Lease)
	if !answer.OK() {
		return Synced{}, answer, nil
	}
	s := Synced{
		Done: make([]Answer, len(r.Done)), Active: make([]Action, len(r.Active)), Jobs: []Claimed{},
		PollSeconds: seconds(d.Pace.Idle), Heartbeat: heartbeatEvery(lease),
	}
	for i, done := range r.Done {
		done.Runner = r.Runner
		answer, err := d.Complete(ctx, done)
		if err != nil {
			d.Log.ErrorContext(ctx, "result not taken", "job_id", done.ID, "error", err)
			answer = Answer{Code: ItemFailed}
		}
		s.Done[i] = answer
	}
	for i, active := range r.Active {
		action, answer, err := d.Heartbeat(ctx, active.ID, r.Runner, active.TokenHash)
		switch {
		case err != nil:
			// Nothing is known: the runner goes on and is heard the next time.
			d.Log.ErrorContext(ctx, "heartbeat not taken", "job_id", active.ID, "error", err)
			action = Continue
		case !answer.OK():
			action = LeaseLost
		}
		s.Active[i] = action
	}
	if r.Slots == 0 {
		return s, granted, nil
	}
	offers, seen, err := d.receive(ctx, r.Slots, lease)
	if err != nil {
		// The items above are decided; the runner must hear of them.
		d.Log.ErrorContext(ctx, "no jobs received", "error", err)
		return s, granted, nil
	}
	for _, o := range offers {
		if claimed, ok := d.claimOffer(ctx, o, r.Runner, lease); ok {
			s.Jobs = append(s.Jobs, claimed)
		}
	}
	if len(s.Jobs) == r.Slots || seen > len(offers) {
		s.PollSeconds = seconds(d.Pace.Busy)
	}
	return s, granted, nil
}

// claimOffer claims a job whose message is in our hands, hidden for the lease.
// If that fails the message is given back, and its next receiver looks again.
func (d *Dispatcher) claimOffer(ctx context.Context, o offer, runner string, lease time.Duration) (Claimed, bool) {
	var claimed Claimed
	c, err := d.updateFrom(ctx, o.job, d.claim(ctx, runner, o, lease, &claimed))
	if err != nil {
		d.Log.ErrorContext(ctx, "job not claimed", "job_id", o.job.ID, "error", err)
	}
	if err != nil || c.Code != job.OK {
		if err := d.Queue.Hide(ctx, []Hiding{{o.handle, listHide}}); err != nil {
			d.Log.WarnContext(ctx, "message not given back", "job_id", o.job.ID, "error", err)
		}
		return Claimed{}, false
	}
	claimed.Job = c.after
	if err := d.present(ctx, &claimed); err != nil {
		// The claim stands; without its URLs the runner asks for them.
		d.Log.ErrorContext(ctx, "URLs not signed", "job_id", o.job.ID, "error", err)
	}
	return claimed, true
}
