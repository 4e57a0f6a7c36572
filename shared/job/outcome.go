package job

import "crypto/subtle"

// Decision is what an Op makes of a Job. Write reports whether the Job has
// changed and must be stored, whatever the Outcome: a late result is refused and noted
// anyway.
type Decision struct {
	Outcome Outcome
	Write   bool
}

// Outcome is what came of a request, as a stable word of the wire contract: the
// code of a reply.
type Outcome string

// The outcomes of this package's Ops.
const (
	OK                 Outcome = "ok"
	NotFound           Outcome = "not_found"
	NotPending         Outcome = "not_pending"
	AlreadyClaimed     Outcome = "already_claimed"
	NotClaimed         Outcome = "not_claimed_by_runner"
	InvalidToken       Outcome = "invalid_submission_token"
	ResultConflict     Outcome = "result_conflict"
	JobCancelled       Outcome = "job_cancelled"
	JobConflict        Outcome = "job_conflict"        // the id is taken by another content
	JobFinished        Outcome = "job_finished"        // too late to cancel
	NotSubmitted       Outcome = "not_submitted"       // nothing to rejudge yet
	GenerationConflict Outcome = "generation_conflict" // rejudge of another generation than the current one
)

func ok() Decision                 { return Decision{Outcome: OK, Write: true} }
func unchanged() Decision          { return Decision{Outcome: OK} }
func refused(why Outcome) Decision { return Decision{Outcome: why} }

// equal compares hashes of secrets in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
