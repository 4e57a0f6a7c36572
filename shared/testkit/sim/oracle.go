package sim

import (
	"fmt"
	"reflect"
	"time"

	"runlease/shared/job"
)

// class says which promise a fault breaks.
type class int

// The classes, in the order of the summary.
const (
	lost    class = iota // a job, its message or its accepted result is gone, or could get lost
	doubled              // two results of one generation, a failure counted twice
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

// The rules are written down a second time here, as what a write may do to the
// stored job, seen from outside: they know the request, not the code that
// carries it out.

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

// holder reports whether a part comes from the current claim: name and token.
func (w *write) holder(part ask) bool {
	return w.before.State == job.Claimed && part.id == w.before.ID &&
		part.runner == w.before.Claim.Runner && part.tokenHash == w.before.Claim.TokenHash
}

// receiver reports whether the request receives messages or sweeps.
func (w *write) receiver() bool {
	return w.by.kind == askList || w.by.kind == askSync || w.by.kind == askSweep
}

func (w *write) silent() bool {
	return w.before.State == job.Claimed && w.now >= w.before.Claim.LeaseExpiresAt
}

func (w *write) usedUp(failures int) bool {
	return failures >= job.MaxFailures || w.before.Attempt-w.before.FirstFence >= job.MaxAttempts
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
		return breaks(stale, "the write has no id of its own")
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
	failures, b := w.checkStep()
	if b != nil {
		return b
	}
	if to.Failures != failures {
		return breaks(doubled, "%d failures, want %d", to.Failures, failures)
	}
	return nil
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

// checkStep finds who was allowed to make this step, and how many failures the
// job has after it.
func (w *write) checkStep() (failures int, b *broken) {
	from, to := w.before, w.after
	failures = from.Failures
	denied := func() (int, *broken) {
		return 0, breaks(stale, "%s of generation %d, attempt %d became %s of generation %d, attempt %d by %s",
			from.State, from.Generation, from.Attempt, to.State, to.Generation, to.Attempt, w.by)
	}
	switch {
	case to.Generation != from.Generation:
		state := job.Queued
		if from.QueuedAt == 0 { // its code is not checked yet
			state = job.Created
		}
		ok := to.Generation == from.Generation+1 && to.State == state && to.Attempt == from.Attempt &&
			to.FirstFence == from.Attempt && !to.CancelRequested && from.State != job.Created &&
			w.asked(askRejudge, func(a ask) bool { return a.id == to.ID && a.generation == from.Generation })
		if !ok {
			return denied()
		}
		return 0, nil
	case to.FirstFence != from.FirstFence:
		return denied()
	case to.Attempt != from.Attempt:
		if to.Attempt != from.Attempt+1 || to.State != job.Claimed {
			return denied()
		}
		if from.State == job.Claimed {
			failures++
			if !w.silent() || from.CancelRequested || w.usedUp(failures) {
				return denied()
			}
		} else if from.State != job.Queued {
			return denied()
		}
		if !w.asked(askClaim, func(a ask) bool { return a.runner == to.Claim.Runner }) || w.knows(to.Claim.TokenHash) {
			return denied()
		}
		return failures, nil
	case from.State == to.State:
		return failures, w.checkStay()
	case to.State == job.Claimed || to.State == job.Created || from.Final():
		return denied()
	case to.State == job.Finished:
		return w.checkFinish(denied)
	case to.State == job.Cancelled:
		byHolder := from.CancelRequested && (w.asked(askComplete, w.holder) || w.asked(askRelease, w.holder))
		bySystem := from.CancelRequested && w.silent() && w.receiver()
		byProducer := w.asked(askCancel, nil) && (from.State != job.Claimed || w.silent())
		if !byHolder && !bySystem && !byProducer {
			return denied()
		}
		return failures, nil
	case from.State == job.Created:
		if !w.asked(askSubmit, nil) && !w.asked(askCreate, nil) {
			return denied()
		}
		return failures, nil
	}
	// What is left is claimed to queued: a release.
	counts := false
	ok := !from.CancelRequested && w.asked(askRelease, func(a ask) bool {
		counts = a.reason == job.ReasonInfraError || a.reason == job.ReasonCancelled
		return w.holder(a)
	})
	if counts {
		failures++
	}
	if !ok || w.usedUp(failures) {
		return denied()
	}
	return failures, nil
}

// checkFinish: a result comes from the current claim and from no other; the
// system's JE needs a budget that is used up.
func (w *write) checkFinish(denied func() (int, *broken)) (int, *broken) {
	from, to := w.before, w.after
	if to.Result.Attempt != 0 {
		if from.CancelRequested || to.Result.Attempt != from.Attempt || !w.asked(askComplete, w.holder) {
			return denied()
		}
		return from.Failures, nil
	}
	failures := from.Failures + 1
	if w.silent() && !from.CancelRequested && w.usedUp(failures) && w.receiver() {
		return failures, nil
	}
	ok := !from.CancelRequested && w.asked(askRelease, func(a ask) bool {
		if a.reason != job.ReasonInfraError && a.reason != job.ReasonCancelled {
			failures--
		}
		return w.holder(a)
	})
	if !ok || !w.usedUp(failures) {
		return denied()
	}
	return failures, nil
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
	case to.CancelRequested != from.CancelRequested && (from.CancelRequested || !w.asked(askCancel, nil)):
		return breaks(stale, "the cancel changed by %s", w.by)
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
