package linear

import domain "runlease/shared/job"

// Allowed reports whether a stored job may become another by one of some requests:
// the specification does what the write did, or the write changed nothing that it
// knows of. Tokens are hashes here. silent means that the lease may have expired.
func Allowed(before, after domain.Job, silent bool, by ...Input) bool {
	was, is := specified(before), specified(after)
	if was.equal(is) {
		return true
	}
	for _, was.Silent = range []bool{false, silent && was.State == claimed} {
		for _, in := range by {
			next, _ := was.apply(in, is.token)
			if next.Silent = false; next.equal(is) {
				return true
			}
		}
	}
	return false
}

// specified is a stored job as the specification has it, whose holder is not silent.
func specified(j domain.Job) job {
	s := job{token: j.Claim.TokenHash, fence: j.FirstFence, coded: j.QueuedAt != 0, View: View{
		State: string(j.State), Attempt: j.Attempt, Generation: j.Generation, Failures: j.Failures,
		Holder: j.Claim.Runner, Asked: j.CancelRequested, Status: Pending,
	}}
	if j.Result != nil {
		s.Status = j.Result.Status
	}
	for _, p := range j.Past {
		e := &ended{runner: p.Runner, token: p.TokenHash, older: s.past}
		if p.Verdict != nil {
			e.status = p.Verdict.Status
		}
		switch {
		case p.Generation != j.Generation:
			continue
		case p.How == domain.HowCompleted:
			e.how = accepted
		case p.How == domain.HowCancelled && p.Verdict != nil:
			e.how = too
		case p.How == domain.HowReleased && (p.Reason == domain.ReasonInfraError || p.Reason == domain.ReasonCancelled):
			e.how = unfit
		case p.How != domain.HowLost && p.Reason != "":
			e.how = returned
		}
		s.past = e
	}
	return s
}
