package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/outputs"
	"runlease/shared/runner/spool"
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
	reply, ok := errors.AsType[*ReplyError](err)
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
	reply, ok := errors.AsType[*ReplyError](err)
	unknown = ok && (reply.Status == 404 || reply.Status == 405) &&
		(reply.Code == "" || reply.Code == "unknown_route" || reply.Code == "method_not_allowed")
	return unknown, unknown && reply.Stranger
}

// refusedBody reports whether somebody between has refused what was sent, which
// may be because of its size. A 413 is believed of the body that it answers,
// whoever gave it: that is large.
func refusedBody(err error) (refused, large bool) {
	reply, ok := errors.AsType[*ReplyError](err)
	refused = ok && reply.Stranger && !reply.Storage && reply.Status >= 400 && reply.Status < 500
	return refused, refused && reply.Status == 413
}

const (
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
func pause(n int, err error) time.Duration {
	most := maxPause
	if n < 6 {
		most = min(firstPause<<n, maxPause)
	}
	wait := most/2 + rand.N(most/2)
	if reply, ok := errors.AsType[*ReplyError](err); ok && reply.RetryAfter > 0 {
		// Not earlier than asked, and not all at once then.
		asked := min(reply.RetryAfter, maxRetryAfter)
		wait = max(wait, asked+rand.N(asked/4+1))
	}
	return wait
}

// around is a time from three to five quarters of d. Runners that were started,
// or found the server again, in the same instant would else come in the same
// instant for ever; on average they come as often as they were told.
func around(d time.Duration) time.Duration {
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

const (
	// wordy is how large a body may be to be let through where a firewall bounds
	// bodies: the common rules of AWS's refuse what is above 8 KB.
	wordy = 8 << 10
	// After that many refusals of a wordy body by a stranger its texts go another
	// way. A page that answers everything for a while is more likely.
	refusalsOfBody = 3
)

// maxInline is the largest complete body that is sent with outputs in it. The
// cap is 3,000,000 bytes; what escapes it loses its outputs, not its verdict.
const maxInline = 2_500_000

// deliver reports a result, big outputs by way of storage, for as long as
// patience allows. nil: accepted. Else react reports whether it can still be.
func (c *Client) deliver(ctx context.Context, r spool.Result, patience time.Duration) error {
	body, err := json.Marshal(complete{Token: r.Token, Tasks: r.Tasks})
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if len(body) <= maxInline && r.Packed == "" {
		refusals := 0
		err = repeat(ctx, patience, func() error {
			err := c.Complete(ctx, r.JobID, body)
			refused, large := refusedBody(err)
			if refused && len(body) > wordy {
				refusals++
			}
			if large || refusals >= refusalsOfBody || refusals > 0 && patience == 0 {
				return &ReplyError{Status: 413, Message: err.Error()}
			}
			return err
		})
		if reply, ok := errors.AsType[*ReplyError](err); !ok || reply.Status != 413 {
			return err
		}
	}
	short := complete{Token: r.Token, Tasks: outputs.Without(r.Tasks)}
	if short.Outputs, err = c.upload(ctx, r, patience); react(err) != goOn && react(err) != drop {
		return err
	}
	for {
		if body, err = json.Marshal(short); err != nil {
			return fmt.Errorf("encode result: %w", err)
		}
		err = repeat(ctx, patience, func() error { return c.Complete(ctx, r.JobID, body) })
		if react(err) != drop || short.Outputs == nil {
			return err
		}
		short.Outputs = nil // perhaps it was them
	}
}

// upload stores the outputs of a result; nil without an error: not wanted. Outputs
// that cannot be stored are returned all the same: a result that names them reads
// as one whose outputs are missing, not as one without.
func (c *Client) upload(ctx context.Context, r spool.Result, patience time.Duration) (*Outputs, error) {
	packed, err := packOutputs(r)
	if err != nil {
		return nil, err
	}
	defer packed.close()
	o := &Outputs{SHA256: packed.sha256, Size: packed.size}
	if o.Size > maxOutputs {
		slog.WarnContext(ctx, "outputs are too large to be kept", slog.String("job_id", r.JobID), slog.Int64("bytes", o.Size))
		o.Size = maxOutputs
		return o, nil
	}
	wanted := true
	err = repeat(ctx, patience, func() error {
		to, err := c.Outputs(ctx, r.JobID, r.Token, *o)
		if err != nil {
			return err
		}
		if to == nil {
			wanted = false
			return nil
		}
		err = c.Send(ctx, *to, io.NewSectionReader(packed, 0, packed.size))
		// Before its time: the clock was set meanwhile.
		if age := time.Since(r.Since); err != nil && (age > outputsPatience || age < -time.Minute) {
			return &ReplyError{Storage: true, Message: err.Error()} // dropped
		}
		if err != nil {
			// Not as a reply: also after a refusal, since the URL may have expired
			// and the next one is new.
			return errors.New("upload outputs: " + err.Error())
		}
		return nil
	})
	if react(err) == drop {
		slog.WarnContext(ctx, "outputs are not kept", slog.String("job_id", r.JobID), slog.Any("error", err))
	}
	if !wanted {
		return nil, err
	}
	return o, err
}

// maxOutputs is the largest zip of outputs that a server takes, in bytes.
const maxOutputs = 256 << 20

// archive is a zip of outputs.
type archive struct {
	io.ReaderAt
	close  func()
	size   int64
	sha256 string
}

// packOutputs finds the zip of a result's outputs, or makes it in memory, where they are.
func packOutputs(r spool.Result) (archive, error) {
	a := archive{close: func() {}}
	if r.Packed == "" {
		text, err := outputs.Zip(r.Tasks)
		if err != nil {
			return archive{}, err
		}
		a.ReaderAt, a.size = bytes.NewReader(text), int64(len(text))
	} else {
		file, err := os.Open(r.Packed)
		if err != nil {
			return archive{}, fmt.Errorf("open outputs: %w", err)
		}
		info, err := file.Stat()
		if err != nil {
			_ = file.Close()
			return archive{}, fmt.Errorf("look at outputs: %w", err)
		}
		a.ReaderAt, a.size, a.close = file, info.Size(), func() { _ = file.Close() }
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(a, 0, a.size)); err != nil {
		a.close()
		return archive{}, fmt.Errorf("read outputs: %w", err)
	}
	a.sha256 = hex.EncodeToString(sum.Sum(nil))
	return a, nil
}

// result makes a result of cases.
func result(claim Claim, cases [][]execute.Case) spool.Result {
	return spool.Result{JobID: claim.ID, Attempt: claim.Attempt, Token: claim.Token, Tasks: cases, Since: time.Now()}
}
