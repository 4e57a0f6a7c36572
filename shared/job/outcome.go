package job

import "crypto/subtle"

// Outcome is what came of an Op. Write says that the Job differs from the one
// that was read and must be stored, whatever the Code: a late result is refused
// and noted all the same.
type Outcome struct {
	Code  Code
	Write bool
}

// Code is a stable word of the wire contract for what came of an operation.
type Code string

// The outcomes of this package's Ops.
const (
	OK                 Code = "ok"
	NotFound           Code = "not_found"
	NotPending         Code = "not_pending"
	AlreadyClaimed     Code = "already_claimed"
	NotClaimed         Code = "not_claimed_by_runner"
	InvalidToken       Code = "invalid_submission_token"
	ResultConflict     Code = "result_conflict"
	JobCancelled       Code = "job_cancelled"
	JobConflict        Code = "job_conflict"        // the id is taken by another content
	JobFinished        Code = "job_finished"        // too late to cancel
	NotSubmitted       Code = "not_submitted"       // nothing to rejudge yet
	GenerationConflict Code = "generation_conflict" // rejudge of another generation than the current one
)

func ok() Outcome               { return Outcome{Code: OK, Write: true} }
func unchanged() Outcome        { return Outcome{Code: OK} }
func refused(code Code) Outcome { return Outcome{Code: code} }

// equal compares hashes of secrets in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
