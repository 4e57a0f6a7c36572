package dispatch

import (
	"context"

	"runlease/shared/doorbell"
	"runlease/shared/job"
)

// visit is a runner with free slots that asks for jobs.
type visit struct {
	*Dispatcher
	SyncRequest
	pools        []job.Pool // that it looks into
	leaseSeconds int
	reply        *Synced
	seat         int64 // where it sits; 0: nowhere
	chain        chain // of the runners that serve what it serves
}

// visit claims jobs for a runner with free slots. While it has room for more and
// hears the doorbell it sits down: then a ring tells it of the next job, and it
// polls seldom.
//
// It looks before it sits down and after, where one look of an empty queue of SQS
// is two receives: SQS samples its servers, and one may miss the only message. A job that somebody made claimable
// between the two is found by one of them: either the message was there at the
// second look, or the bench showed the seat to the ringer. A seat that is not
// on its bench any more was taken by a ring that is still on its way: it counts
// as none, and the ring brings the runner here again.
//
// It looks into some of the pools that it serves. A paused pool does not change where it
// sits.
//
// An error means that something broke and no job was claimed.
func (d *Dispatcher) visit(ctx context.Context, r SyncRequest, serves, pools []job.Pool, leaseSeconds int, reply *Synced) error {
	v := &visit{Dispatcher: d, SyncRequest: r, pools: pools, leaseSeconds: leaseSeconds, reply: reply, seat: r.Seat}
	if d.Benches != nil {
		v.chain = d.chainOf(serves...)
	}
	if d.Benches == nil || doorbell.BenchOf(r.Seat) >= doorbell.Benches {
		v.seat = 0
	}
	if over, err := v.look(ctx); over {
		return err
	}
	if v.seat != 0 {
		switch there, err := v.chain.sits(ctx, v.seat); {
		case err != nil:
			d.Log.WarnContext(ctx, "bench not read", "runner", r.Runner, "error", err)
			reply.Seat = v.seat
			return nil
		case there: // nothing has changed, and nothing is written
			v.settle()
			return nil
		}
	}
	connection := v.listens(ctx)
	if connection == "" {
		return nil
	}
	seat, err := v.chain.sit(ctx, connection)
	if err != nil {
		d.Log.WarnContext(ctx, "runner not put on a bench", "runner", r.Runner, "error", err)
		return nil
	}
	if v.seat = seat; seat == 0 {
		return nil // no room: it polls as if there were no doorbell
	}
	if over, err := v.look(ctx); over {
		return err
	}
	v.settle()
	return nil
}

// look receives once from each of the runner's pools in their order, until it has no
// room for more, and claims what it finds. The visit is over if it has none, is to
// ask again soon, or may not have what waits.
func (v *visit) look(ctx context.Context) (over bool, err error) {
	for i, pool := range v.pools {
		enough, err := v.lookIn(ctx, pool)
		if err != nil {
			return v.broken(ctx, err)
		}
		over = over || enough
		if len(v.reply.Jobs) == v.Slots || v.reply.PollSeconds == 0 { // a pool that it prefers has more
			if v.Rung && v.Benches != nil { // it may be that for a job of a pool that it does not look into
				v.ringEach(ctx, v.pools[i+1:]...)
			}
			break
		}
	}
	if over && v.seat != 0 {
		v.chain.leave(ctx, v.seat)
	}
	return over || v.Benches == nil, nil
}

// broken ends a look that failed.
func (v *visit) broken(ctx context.Context, err error) (over bool, _ error) {
	v.reply.Seat = v.seat
	if len(v.reply.Jobs) > 0 || v.seat != v.Seat { // the runner must hear of that
		v.Log.ErrorContext(ctx, "part of a sync failed", "runner", v.Runner, "error", err)
		err = nil
	}
	return true, err
}

// lookIn is look for one pool.
func (v *visit) lookIn(ctx context.Context, pool job.Pool) (over bool, err error) {
	pace := v.reply.PollSeconds
	seen, err := v.claimOffers(ctx, v.SyncRequest, pool, v.leaseSeconds, v.reply)
	if err != nil || v.Benches == nil {
		return err == nil, err
	}
	switch {
	case len(v.reply.Jobs) == v.Slots:
	case seen.others > 0:
		// Sitting down would let it be rung for a job that it cannot have.
		v.ringRunner(ctx, pool)
	case seen.paused > 0:
		_, stays := v.paused(ctx)
		v.reply.PollSeconds = min(v.reply.PollSeconds, againIn(stays))
	case seen.soon > 0:
		v.reply.PollSeconds = min(v.reply.PollSeconds, 1)
	case v.reply.PollSeconds < pace: // there is more
	default:
		return false, nil
	}
	return true, nil
}

// listens returns the connection of the runner; "" if it has none. A
// connection opened with another credential does not count: that may be revoked.
func (v *visit) listens(ctx context.Context) string {
	l, found, err := v.Benches.Listener(ctx, v.Runner)
	if err != nil {
		v.Log.WarnContext(ctx, "connection not looked up", "runner", v.Runner, "error", err)
	}
	if err != nil || !found || l.Credential != v.Credential {
		return ""
	}
	if before := l; l.Chain != v.chain.name { // so that its end finds its seat
		l.Chain = v.chain.name
		moved, err := v.Benches.Move(ctx, l)
		if err == nil && moved && before.Chain != "" {
			err = v.forget(ctx, before)
		}
		if err != nil {
			v.Log.WarnContext(ctx, "connection not moved to another chain", "runner", v.Runner, "error", err)
		}
		if err != nil || !moved {
			return ""
		}
	}
	return l.Connection
}

// settle lets the runner wait for its ring.
func (v *visit) settle() {
	v.reply.Seat = v.seat
	v.reply.PollSeconds = seconds(v.Pace.Seated)
}
