package job

// CompleteOp reports the result of an attempt.
type CompleteOp struct {
	Now       Time
	Runner    string
	TokenHash string
	Result    Result // Attempt is set by Apply
}

// Standing is what a runner with a token is to a job.
type Standing struct {
	Outcome        Outcome // OK: the current claim, or the one whose result was accepted
	Accepted       bool    // the result of this very attempt has been accepted before
	ProblemVersion int     // that the attempt was made for; 0: no such attempt is known
	Generation     int
	Attempt        int
}

// Stand tells what a runner that shows a token is to j. The problem version is
// known for attempts that have ended too, so that their late results can be
// judged and noted.
func (j Job) Stand(runner, tokenHash string) Standing {
	if j.holds(runner) && equal(tokenHash, j.Claim.TokenHash) {
		return Standing{Outcome: OK, ProblemVersion: j.Claim.ProblemVersion, Generation: j.Generation, Attempt: j.Attempt}
	}
	s := Standing{Outcome: NotClaimed}
	if j.holds(runner) {
		s.Outcome = InvalidToken
	}
	if i, found := j.past(runner, tokenHash); found {
		past := j.Past[i]
		s.ProblemVersion, s.Generation, s.Attempt = past.ProblemVersion, past.Generation, past.Attempt
		// A job with such a record is finished: only a rejudge leaves that state.
		if past.How == HowCompleted && past.Generation == j.Generation {
			s.Outcome, s.Accepted = OK, true
		}
	}
	return s
}

// Apply accepts the result of the current claim. Repeating an accepted one
// changes nothing; a different one is a ResultConflict. If a cancel was asked,
// the job is cancelled and the Outcome is JobCancelled. Anybody else is refused
// with NotClaimed or InvalidToken, and what came is noted with its attempt.
func (op CompleteOp) Apply(j Job) (Job, Decision) {
	standing := j.Stand(op.Runner, op.TokenHash)
	switch {
	case standing.Accepted && j.Result.Digest == op.Result.Digest:
		return j, unchanged()
	case standing.Accepted:
		return j, refused(ResultConflict)
	case standing.Outcome != OK:
		return op.noteLate(j, standing.Outcome)
	}
	verdict := Verdict{op.Result.Status, op.Result.Score}
	if j.CancelRequested {
		j = j.endClaim(op.Now, HowCancelled, "", &verdict)
		return j.end(op.Now, Cancelled), Decision{Outcome: JobCancelled, Write: true}
	}
	result := op.Result
	result.Attempt = j.Attempt
	j = j.endClaim(op.Now, HowCompleted, "", &verdict)
	j.Result = &result
	j = j.end(op.Now, Finished)
	for _, past := range j.Past {
		j.Disputed = j.Disputed || disputes(past, j)
	}
	return j, ok()
}

// noteLate keeps what an attempt sent after its end, once. A caller that comes
// here was refused: an attempt of this generation whose verdict is known met a
// cancel.
func (op CompleteOp) noteLate(j Job, refusal Outcome) (Job, Decision) {
	i, found := j.past(op.Runner, op.TokenHash)
	if !found {
		return j, refused(refusal)
	}
	past := j.Past[i]
	if past.Verdict != nil && past.Generation == j.Generation {
		return j, refused(JobCancelled) // the result that met the cancel, repeated
	}
	if past.Late != nil || past.Verdict != nil {
		return j, refused(refusal)
	}
	records := append(make([]Past, 0, len(j.Past)), j.Past...)
	records[i].Late = &Late{At: op.Now, Verdict: Verdict{op.Result.Status, op.Result.Score}}
	j.Past = records
	j.Disputed = j.Disputed || disputes(records[i], j)
	return j, Decision{Outcome: refusal, Write: true}
}

// disputes reports whether a late result of j's generation disagrees with the
// accepted verdict.
func disputes(past Past, j Job) bool {
	return past.Late != nil && past.Generation == j.Generation &&
		j.Result != nil && past.Late.Verdict != Verdict{j.Result.Status, j.Result.Score}
}
