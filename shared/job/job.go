// Package job is the domain: a job, its states, and one file per transition.
//
// A transition is a value (an Op) with an Apply method that takes a Job and
// returns the next one with a Decision. Nothing here reads a clock, makes a
// random number or talks to anything: time comes in with the Op, and the same
// Job and Op always give the same answer. Apply never changes the Job that it
// was given. A lost race ("already claimed") is an Outcome, never an error.
//
//	created --submit--> queued --claim--> claimed --complete--> finished
//	                      ^  \               |  \
//	                      |   \--cancel-->   |   \--cancel: final when the runner gives up,
//	                      |                  |      completes or falls silent--> cancelled
//	                      +--release---------+
//	                      +--lease expired: claimable where it stands
//	                      +--rejudge (any state but created)
package job

import (
	"time"

	"runlease/shared/judge"
)

// Time is milliseconds since the Unix epoch, the resolution in which every
// store keeps times.
type Time int64

// At turns a time.Time into a Time, dropping what is below a millisecond.
func At(t time.Time) Time { return Time(t.UnixMilli()) }

// Std is the time.Time of t, in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add returns t + d.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Sub returns t - u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// State is where a job stands. The comment of each state names the operations
// that enter and leave it.
type State string

const (
	// Created is entered by CreateOp and left by SubmitOp and CancelOp. The code
	// has not been checked yet. Handwritten jobs stay here.
	Created State = "created"
	// Queued is entered by SubmitOp, ReleaseOp and RejudgeOp, left by ClaimOp and CancelOp.
	Queued State = "queued"
	// Claimed is entered by ClaimOp and left by CompleteOp, ReleaseOp, RejudgeOp,
	// CancelOp, EndOp and, once the lease has expired, another ClaimOp.
	Claimed State = "claimed"
	// Finished is entered by CompleteOp and, with JE, by EndOp and ReleaseOp, left by RejudgeOp.
	Finished State = "finished"
	// Cancelled is entered by CancelOp, CompleteOp, ReleaseOp and EndOp, left by RejudgeOp.
	Cancelled State = "cancelled"
)

// The bounds that end every job.
const (
	// MaxFailures runners that have failed at one generation of a job finish it with
	// JE: it is poison. One runner counts once, however often it fails, so that none
	// ends a job alone; a job that has only that one is ended by MaxAttempts.
	MaxFailures = 3
	// MaxAttempts of one generation end a job whatever their reasons.
	MaxAttempts = 10
	// MaxRun is how old a claim may grow; then its lease is no longer extended.
	MaxRun = 3600 * time.Second
	// KeepFinal is how long a job is kept after its end, or without a submit.
	KeepFinal = 90 * 24 * time.Hour
	// keepPast bounds the records of past attempts in one item. A generation
	// has at most MaxAttempts, so the records of the last five are complete.
	keepPast = 50
)

// Language of a job's code.
type Language int

// The languages of the wire contract.
const (
	C           Language = 0
	CPP         Language = 1
	Python3     Language = 2
	Handwritten Language = 3 // a PDF: kept, never queued, listed or claimable
)

// StatusJE is the verdict that the system itself gives to a job whose attempts
// are used up. All other statuses come from the judge.
const StatusJE = int(judge.JE)

// Artifact names bytes that are kept elsewhere.
type Artifact struct {
	Size   int64  // bytes
	SHA256 string // lower-case hex
}

// Job is the one record that everything else is derived from. The zero Claim
// means that no runner holds it; Claim is set exactly while State is Claimed.
type Job struct {
	ID       string
	Problem  int
	Language Language
	Group    string   // for fair queues: a user, a contest or a rejudge batch
	Pool     Pool     // whose runners judge it: its bell rings there
	Code     Artifact // a zip
	// CodeInline: the zip is short and kept in the store, not as an object.
	CodeInline bool

	State           State
	Attempt         int // the fence: +1 with every claim, never back, not even by rejudge
	FirstFence      int // Attempt as it was when this generation began
	Failures        int // runners that have failed at this generation: its retry budget
	Generation      int // +1 per rejudge
	Bell            int64
	RungAt          Time // when the bell was rung last
	CreatedAt       Time
	QueuedAt        Time // when this generation was queued; release keeps it
	EndedAt         Time // of a final job
	CancelRequested bool
	Lacks           Why // of a queued job: what all runners lack that have looked at it; "": not known

	Claim    Claim
	Result   *Result // of a finished job; never changed in place
	Past     []Past  // attempts that have ended, oldest first; never changed in place
	Disputed bool    // a late result of this generation disagrees with the accepted verdict

	Revision int64  // +1 with every write
	WriteID  string // of the last write, fresh for every one
}

// Claim is the holder of a job, the end of its lease, and what it was given.
type Claim struct {
	Runner         string
	TokenHash      string // of the claim token, lower-case hex
	ProblemVersion int    // pinned by the claim
	LeaseSeconds   int
	LeaseExpiresAt Time
	ClaimedAt      Time
	Handle         string // receipt handle of the message; empty: not known yet
}

// HeartbeatAt returns when the holder was heard of last. It is derived, so that a
// heartbeat writes the lease and nothing else.
func (c Claim) HeartbeatAt() Time {
	return c.LeaseExpiresAt.Add(-time.Duration(c.LeaseSeconds) * time.Second)
}

// Result is what a generation ended with.
type Result struct {
	Attempt     int // that it came from; 0: the system's JE
	Status      int
	Score       int
	RunTime     int64  // ms, -1: unknown
	MemoryUsage int64  // KB, -1: unknown
	Tasks       []byte // the verdict by task and case, as package judge writes it
	Digest      string // of what the runner sent, to tell a repetition from a conflict
	Outputs     string // key of the zip of case outputs; "": none, or Packed; OutputsMissing
	Message     string // of the first case that failed, where Packed does not hold it
	Packed      []byte // the case outputs themselves, as package dispatch packs them, where they are small
}

// HasOutputs reports whether case outputs are kept, here or under the key.
func (r Result) HasOutputs() bool {
	return len(r.Packed) > 0 || r.Outputs != "" && r.Outputs != OutputsMissing
}

// OutputsMissing means that the case outputs could not be stored.
const OutputsMissing = "missing"

// How an attempt ended.
type How string

// The ways in which an attempt ends.
const (
	HowCompleted How = "completed"
	HowReleased  How = "released"
	HowLost      How = "lost"      // its lease ran out and it was replaced or ended
	HowRejudged  How = "rejudged"  // a rejudge took the job away
	HowCancelled How = "cancelled" // the job was cancelled
)

// Past is the record of an attempt that has ended.
type Past struct {
	Attempt        int
	Generation     int
	Runner         string
	TokenHash      string
	ProblemVersion int
	ClaimedAt      Time
	HeartbeatAt    Time
	EndedAt        Time
	How            How
	Reason         Reason // of a release
	Detail         string // of a release: what the runner said beside the reason
	Verdict        *Verdict
	Late           *Late
}

// Verdict is the short form of a result, kept with its attempt.
type Verdict struct {
	Status int
	Score  int
}

// Late is a result that came after its attempt had ended: evidence, nothing more.
type Late struct {
	At      Time
	Verdict Verdict
}

// Final reports whether j has ended; only a rejudge moves it again.
func (j Job) Final() bool { return j.State == Finished || j.State == Cancelled }

// Open reports whether j still has to end.
func (j Job) Open() bool { return j.State == Queued || j.State == Claimed }

// ExpiresAt is when a store may forget j; 0: never. That is KeepFinal after its
// end, or after the creation of a job that was never submitted.
func (j Job) ExpiresAt() Time {
	switch {
	case j.Final():
		return j.EndedAt.Add(KeepFinal)
	case j.State == Created:
		return j.CreatedAt.Add(KeepFinal)
	}
	return 0
}

// AttemptsUsed counts the attempts of the current generation.
func (j Job) AttemptsUsed() int { return j.Attempt - j.FirstFence }

// LeaseExpired reports whether j is claimed by a runner that has fallen silent.
// That alone changes nothing: its holder is current until another replaces it.
func (j Job) LeaseExpired(now Time) bool {
	return j.State == Claimed && now >= j.Claim.LeaseExpiresAt
}

// Over reports whether j is claimed, its runner silent, and no further attempt
// allowed: the next to look at it ends it with EndOp.
func (j Job) Over(now Time) bool {
	return j.LeaseExpired(now) && (j.CancelRequested || j.failed().Failures >= MaxFailures || j.AttemptsUsed() >= MaxAttempts)
}

// Claimable reports whether ClaimOp would succeed.
func (j Job) Claimable(now Time) bool {
	return j.State == Queued || (j.LeaseExpired(now) && !j.Over(now))
}

// ClaimableSince is when j became claimable, if it is.
func (j Job) ClaimableSince() Time {
	if j.State == Claimed {
		return max(j.RungAt, j.Claim.LeaseExpiresAt)
	}
	return j.RungAt
}

// WaitsSince is when j began to wait for the claim that it can have now: when its
// generation was queued, an attempt was given back, or a lease ran out.
func (j Job) WaitsSince() Time {
	if j.State == Claimed {
		return j.Claim.LeaseExpiresAt
	}
	since := j.QueuedAt
	if n := len(j.Past); n > 0 && j.Past[n-1].Generation == j.Generation {
		since = max(since, j.Past[n-1].EndedAt)
	}
	return since
}

// EndedSince is the attempt that was current before and has ended with j; false:
// there is none.
func (j Job) EndedSince(before Job) (Past, bool) {
	if before.State != Claimed || j.State == Claimed && j.Attempt == before.Attempt || len(j.Past) == 0 {
		return Past{}, false
	}
	return j.Past[len(j.Past)-1], true
}

// holds reports whether runner is the current holder of j.
func (j Job) holds(runner string) bool { return j.State == Claimed && j.Claim.Runner == runner }

// HeldBy reports whether runner is the current holder of j: OK, NotClaimed, or
// InvalidToken if it shows the hash of another claim's token. An empty hash is
// not checked.
func (j Job) HeldBy(runner, tokenHash string) Outcome {
	switch {
	case !j.holds(runner):
		return NotClaimed
	case tokenHash != "" && !equal(tokenHash, j.Claim.TokenHash):
		return InvalidToken
	}
	return OK
}

// past finds the record of an ended attempt by its runner and token.
func (j Job) past(runner, tokenHash string) (int, bool) {
	for i := len(j.Past) - 1; i >= 0; i-- {
		if j.Past[i].Runner == runner && equal(j.Past[i].TokenHash, tokenHash) {
			return i, true
		}
	}
	return 0, false
}

// endClaim moves the current claim to the records.
func (j Job) endClaim(now Time, how How, reason Reason, verdict *Verdict) Job {
	record := Past{
		Attempt:        j.Attempt,
		Generation:     j.Generation,
		Runner:         j.Claim.Runner,
		TokenHash:      j.Claim.TokenHash,
		ProblemVersion: j.Claim.ProblemVersion,
		ClaimedAt:      j.Claim.ClaimedAt,
		HeartbeatAt:    j.Claim.HeartbeatAt(),
		EndedAt:        now,
		How:            how,
		Reason:         reason,
		Verdict:        verdict,
	}
	kept := j.Past
	if len(kept) >= keepPast {
		kept = kept[len(kept)-keepPast+1:]
	}
	j.Past = append(append(make([]Past, 0, len(kept)+1), kept...), record)
	j.Claim = Claim{}
	return j
}

// failed counts a failure of the current holder at j, once for each runner.
func (j Job) failed() Job {
	for _, p := range j.Past {
		if p.Generation == j.Generation && p.Runner == j.Claim.Runner && p.failure() {
			return j
		}
	}
	j.Failures++
	return j
}

// failure reports whether an attempt that has ended counts against its runner and its
// job: it was lost, given back as infra_error, or stopped after MaxRun.
func (p Past) failure() bool {
	return p.How == HowLost || p.How == HowReleased && p.Reason.failure()
}

// ring gives j a new bell. Its caller sends the message before it writes the
// result.
func (j Job) ring(now Time) Job {
	j.Bell++
	j.RungAt = now
	return j
}

// end makes j final.
func (j Job) end(now Time, s State) Job {
	j.State = s
	j.EndedAt = now
	j.CancelRequested = false
	return j
}

// endJE finishes j with the system's own verdict; the reasons are in its records.
func (j Job) endJE(now Time) Job {
	j.Result = &Result{Status: StatusJE, RunTime: -1, MemoryUsage: -1}
	return j.end(now, Finished)
}
