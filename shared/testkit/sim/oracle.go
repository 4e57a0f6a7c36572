package sim

import (
	"fmt"
	"reflect"
	"time"

	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/testkit/linear"
)

// class says which promise a fault breaks.
type class int

// The classes, in the order of the summary.
const (
	lost    class = iota // a job, its message or its accepted result is gone, or could get lost
	doubled              // two results of one generation, two records of one attempt
	stuck                // a job that does not end
	stale                // a change by somebody who is not, or no longer, allowed to make it
)

func (c class) String() string { return [...]string{"lost", "doubled", "stuck", "stale"}[c] }

// broken is a promise that was not kept.
type broken struct {
	class class
	text  string
}

func (b *broken) Error() string { return b.class.String() + ": " + b.text }

func breaks(c class, format string, args ...any) *broken {
	return &broken{c, fmt.Sprintf(format, args...)}
}

// What a write may do to the stored job is judged from outside: by the request, not
// by the code that carries it out. What the specification of package linear leaves
// open stands here.

// write is a change of a job that has just taken effect.
type write struct {
	before  job.Job // as it was stored
	existed bool
	after   job.Job
	by      ask
	now     job.Time // the latest that any clock shows
	rung    func(job string, bell int64) bool
}

// parts are the single requests that a request is made of.
func (a ask) parts() []ask {
	if a.kind != askSync {
		return []ask{a}
	}
	parts := append(append([]ask(nil), a.done...), a.active...)
	return append(parts, ask{kind: askClaim, runner: a.runner})
}

// by reports whether one of the parts is of a kind and fits.
func (w *write) asked(k kind, fits func(ask) bool) bool {
	for _, part := range w.by.parts() {
		if part.kind == k && (fits == nil || fits(part)) {
			return true
		}
	}
	return false
}

// receiver reports whether the request receives messages or sweeps.
func (w *write) receiver() bool {
	return w.by.kind == askList || w.by.kind == askSync || w.by.kind == askSweep
}

func (w *write) silent() bool {
	return w.before.State == job.Claimed && w.now >= w.before.Claim.LeaseExpiresAt
}

// check finds the first promise that the write breaks; nil: none.
func (w *write) check() *broken {
	from, to := w.before, w.after
	if !w.existed {
		return w.checkCreate()
	}
	switch {
	case to.Revision != from.Revision+1:
		return breaks(stale, "version %d was written over %d", to.Revision, from.Revision)
	case to.WriteID == "" || to.WriteID == from.WriteID:
		return breaks(stale, "the write has no new id")
	case to.Attempt < from.Attempt:
		return breaks(stale, "the fence went back from %d to %d", from.Attempt, to.Attempt)
	case to.Bell < from.Bell:
		return breaks(lost, "the bell went back from %d to %d", from.Bell, to.Bell)
	case to.Bell > from.Bell && !w.rung(to.ID, to.Bell):
		return breaks(lost, "bell %d was written before it was rung", to.Bell)
	case to.State == job.Queued && from.State != job.Queued && to.Bell == from.Bell:
		return breaks(lost, "queued without a new bell")
	case (to.State == job.Claimed) != (to.Claim != job.Claim{}):
		return breaks(stale, "%s with claim %+v", to.State, to.Claim)
	case (to.State == job.Finished) != (to.Result != nil):
		return breaks(lost, "%s with result %v", to.State, to.Result)
	case to.State == job.Finished && from.State == job.Finished && to.Generation == from.Generation && to.Result.Digest != from.Result.Digest:
		return breaks(doubled, "a second result in generation %d", to.Generation)
	}
	if b := w.checkRecords(); b != nil {
		return b
	}
	return w.checkStep()
}

func (w *write) checkCreate() *broken {
	to := w.after
	queued := to.State == job.Queued && to.Bell == 1 && w.rung(to.ID, 1)
	switch {
	case w.by.kind != askCreate || to.Revision != 1 || to.Attempt != 0 || to.Generation != 0:
		return breaks(stale, "created as %+v", to)
	case to.State != job.Created && !queued:
		return breaks(lost, "created as %s with bell %d, which was not rung", to.State, to.Bell)
	}
	return nil
}

// checkRecords: an attempt that ends leaves one record, and a record gets only
// the evidence that its own runner sends.
func (w *write) checkRecords() *broken {
	from, to := w.before, w.after
	ended := from.State == job.Claimed && (to.State != job.Claimed || to.Attempt != from.Attempt)
	want := len(from.Past)
	if ended {
		want++
	}
	if len(to.Past) != want {
		return breaks(doubled, "%d records of attempts, want %d", len(to.Past), want)
	}
	if ended {
		if last := to.Past[want-1]; last.Attempt != from.Attempt || last.Generation != from.Generation || last.TokenHash != from.Claim.TokenHash {
			return breaks(doubled, "the record of attempt %d reads %+v", from.Attempt, last)
		}
	}
	for i, was := range from.Past {
		is := to.Past[i]
		late := is.Late
		is.Late = was.Late
		if !reflect.DeepEqual(is, was) {
			return breaks(stale, "record %d changed", i)
		}
		if was.Late != nil && !reflect.DeepEqual(late, was.Late) {
			return breaks(doubled, "evidence of attempt %d changed", was.Attempt)
		}
		if was.Late == nil && late != nil && !w.asked(askComplete, func(a ask) bool {
			return a.id == to.ID && a.runner == was.Runner && a.tokenHash == was.TokenHash
		}) {
			return breaks(stale, "evidence of attempt %d that its runner did not send", was.Attempt)
		}
	}
	return nil
}

// checkStep: the specification allows the step to one of the requests.
func (w *write) checkStep() *broken {
	from, to := w.before, w.after
	switch {
	case !linear.Allowed(from, to, w.silent(), w.inputs()...):
		return breaks(stale, "%s of generation %d, attempt %d, %d failures became %s of generation %d, attempt %d, %d failures by %s",
			from.State, from.Generation, from.Attempt, from.Failures, to.State, to.Generation, to.Attempt, to.Failures, w.by)
	case to.Attempt != from.Attempt && w.knows(to.Claim.TokenHash):
		return breaks(stale, "attempt %d has the token of an older one", to.Attempt)
	case to.Result != nil && from.Result == nil && to.Result.Attempt != 0 && to.Result.Attempt != from.Attempt:
		return breaks(stale, "attempt %d ended with the result of %d", from.Attempt, to.Result.Attempt)
	case from.State == to.State && from.Attempt == to.Attempt && from.Generation == to.Generation:
		return w.checkStay()
	}
	return nil
}

// inputs are the requests as the specification has them.
func (w *write) inputs() []linear.Input {
	var inputs []linear.Input
	for _, part := range w.by.parts() {
		in := linear.Input{Op: linear.Op(part.kind), Runner: part.runner, Token: part.tokenHash, Reason: string(part.reason), Generation: part.generation}
		if part.kind == askCreate {
			in.Op = linear.Submit
		}
		if !part.right {
			in.Status = int(judge.WA)
		}
		if part.id == "" || part.id == w.before.ID {
			inputs = append(inputs, in)
		}
	}
	if w.receiver() { // it ends what is over
		inputs = append(inputs, linear.Input{Op: linear.Sweep})
	}
	return inputs
}

// checkStay: what may change in a job that stays what it is.
func (w *write) checkStay() *broken {
	from, to := w.before, w.after
	claim := to.Claim
	if claim.LeaseExpiresAt != from.Claim.LeaseExpiresAt {
		heard := w.asked(askHeartbeat, func(a ask) bool {
			return a.id == to.ID && a.runner == from.Claim.Runner && (a.tokenHash == "" || a.tokenHash == from.Claim.TokenHash)
		})
		if !heard || claim.LeaseExpiresAt < from.Claim.LeaseExpiresAt || claim.LeaseExpiresAt > w.now.Add(time.Duration(claim.LeaseSeconds)*time.Second) {
			return breaks(stale, "the lease moved from %d to %d by %s", from.Claim.LeaseExpiresAt, claim.LeaseExpiresAt, w.by)
		}
		claim.LeaseExpiresAt = from.Claim.LeaseExpiresAt
	}
	if claim.Handle != from.Claim.Handle && !w.receiver() {
		return breaks(stale, "the handle changed by %s", w.by)
	}
	claim.Handle = from.Claim.Handle
	switch {
	case claim != from.Claim:
		return breaks(stale, "the claim of attempt %d changed to %+v", from.Attempt, to.Claim)
	case to.Bell != from.Bell && w.by.kind != askSweep:
		return breaks(stale, "rung by %s", w.by)
	case to.Bell != from.Bell && !from.Open():
		return breaks(stale, "rung while %s", from.State)
	}
	return nil
}

// knows reports whether a token was given out before.
func (w *write) knows(tokenHash string) bool {
	if w.before.Claim.TokenHash == tokenHash {
		return true
	}
	for _, past := range w.before.Past {
		if past.TokenHash == tokenHash {
			return true
		}
	}
	return false
}

// writerGone is when the writer of a message's bell is given up.
const writerGone = 15 * time.Minute

// checkDelete: a message goes only when its bell is older than the job's, or
// the same and the job is final, or when its writer is gone. A request that is
// repeated rings the same bell again: then its first message may go too, once
// its writer is gone, whatever the second writer has done; rangAt is when that
// one rang.
func checkDelete(m job.Message, sentAt job.Time, j job.Job, exists bool, rangAt, now job.Time) *broken {
	switch gone := now.Sub(sentAt) > writerGone; {
	case exists && (m.Bell < j.Bell || m.Bell == j.Bell && j.Final()):
		return nil
	case gone && (!exists || m.Bell > j.Bell):
		return nil
	case gone && exists && m.Bell == j.Bell && rangAt > sentAt:
		return nil
	}
	return breaks(lost, "message %s/%d was deleted while the job is %s with bell %d", m.Job, m.Bell, j.State, j.Bell)
}
