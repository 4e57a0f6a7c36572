package runner

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// reaction is what to do after a request.
type reaction int

const (
	goOn    reaction = iota // it worked
	again                   // repeat it
	drop                    // our bug, or the job is gone: leave this job, do not repeat
	lost                    // the job is not ours any more: stop it, say nothing more about it
	refused                 // the server does not know us; twice in a row: stop the runner
)

// refusalsToStop: one refusal may be a server in the middle of a change.
const refusalsToStop = 2

// reactions is the one table from a reply to what is done; the first match
// counts. The word is the code or, from a server without codes, the message. An
// item of a sync has a code and no status.
var reactions = []struct {
	from, to int
	word     string // empty: any
	then     reaction
}{
	{200, 299, "", goOn},
	{304, 304, "", goOn},
	{403, 403, "invalid_runner_token", refused},
	{403, 403, "invalid runner token", refused},
	{403, 403, "runner_name_mismatch", refused}, // a token for another name will not do either
	{403, 403, "", lost},
	{409, 409, "", lost},
	{408, 408, "", again}, // a proxy's timeout
	{429, 429, "", again},
	{500, 599, "", again},
	{0, 0, "ok", goOn},
	{0, 0, "internal_error", again},
	{0, 0, "too_many_requests", again},
	{0, 0, "not_claimed_by_runner", lost},
	{0, 0, "invalid_submission_token", lost},
	{0, 0, "result_conflict", lost},
	{0, 0, "job_cancelled", lost},
	{0, 999, "", drop},
}

// react looks an error up in the table. No reply is a reason to repeat.
func react(err error) reaction {
	reply, ok := errors.AsType[*replyError](err)
	if !ok {
		if err == nil {
			return goOn
		}
		return again
	}
	if reply.Stranger { // whatever its status
		return again
	}
	for _, r := range reactions {
		if r.from <= reply.Status && reply.Status <= r.to && (r.word == "" || r.word == reply.Code || r.word == reply.Message) {
			return r.then
		}
	}
	return drop
}

// unknownRoute reports whether the server does not have the route that was
// asked for: by its own word, or, unsure, by that of a stranger. Not by the
// status alone: on other routes a 404 speaks of a job.
func unknownRoute(err error) (unknown, unsure bool) {
	reply, ok := errors.AsType[*replyError](err)
	unknown = ok && (reply.Status == 404 || reply.Status == 405) &&
		(reply.Code == "" || reply.Code == "unknown_route" || reply.Code == "method_not_allowed")
	return unknown, unknown && reply.Stranger
}

// refusedBody reports whether a stranger has refused what was sent, which may be
// because of its size. A 413 is believed from a proxy too: the body is too large.
func refusedBody(err error) (refused, large bool) {
	reply, ok := errors.AsType[*replyError](err)
	refused = ok && reply.Stranger && !reply.Storage && reply.Status >= 400 && reply.Status < 500
	return refused, refused && reply.Status == 413
}

const (
	defaultPoll = 5 * time.Second       // if the server does not say
	leastPoll   = 50 * time.Millisecond // if it says: at once, and has nothing

	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// A Retry-After beyond this is a mistake rather than a wish.
	maxRetryAfter = 15 * time.Minute
	// The contract says ten minutes at the least; after these, a result stays in
	// the spool and has its turn there.
	resultPatience = 15 * time.Minute
	// An outage must not use up a job's failures: a runner that cannot fetch waits.
	fetchPatience = 10 * time.Minute
	// A verdict is worth more than its outputs: a result that is older than this
	// and that storage does not take is reported without them.
	outputsPatience = 3 * time.Minute
	releasePatience = time.Minute
)

// pause is how long to wait before the repetition number n (from 0): doubled
// each time, and somewhere between half of that and all of it. A server that
// comes back would else be met by all its runners in the same instant, again and
// again, because they all lost it in the same instant.
func pause(n int, err error) time.Duration { return pauseUpTo(maxPause, n, err) }

// pauseUpTo is a pause of at most the given time, and 5 minutes.
func pauseUpTo(longest time.Duration, n int, err error) time.Duration {
	most := min(firstPause<<min(n, 10), longest)
	wait := most/2 + rand.N(most/2)
	if reply, ok := errors.AsType[*replyError](err); ok && reply.RetryAfter > 0 {
		// Not earlier than asked, and not all at once then.
		asked := min(reply.RetryAfter, maxRetryAfter)
		wait = max(wait, asked+rand.N(asked/4+1))
	}
	return wait
}

// pollInterval is how long to wait where a server says pollSeconds.
func pollInterval(pollSeconds *float64) time.Duration {
	if pollSeconds == nil {
		return defaultPoll
	}
	return time.Duration(min(*pollSeconds, maxRetryAfter.Seconds()) * float64(time.Second))
}

// jittered is a time from three to five quarters of d. Runners that were started,
// or found the server again, in the same instant would else come in the same
// instant for ever; on average they come as often as they were told.
func jittered(d time.Duration) time.Duration {
	if d < 4 {
		return d
	}
	return d - d/4 + rand.N(d/2)
}

// repeat does op until it gets an answer, patience is used up or ctx is done.
// op's last error is returned, or ctx's cause.
func repeat(ctx context.Context, patience time.Duration, op func() error) error {
	begin := time.Now()
	for n := 0; ; n++ {
		err := op()
		if react(err) != again {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		wait := pause(n, err)
		if time.Since(begin)+wait > patience {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
