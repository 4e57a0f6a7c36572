package api

import (
	"math"
	"slices"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

type jobPage struct {
	Jobs []foundJob `json:"jobs"`
	Next *string    `json:"next"` // null: these were the last
}

// foundJob is a job in the operator's list.
type foundJob struct {
	SubmissionID    string       `json:"submissionId"`
	State           job.State    `json:"state"`
	ProblemID       int          `json:"problemId"`
	Language        job.Language `json:"language"`
	Group           *string      `json:"group"`
	Pool            string       `json:"pool"`
	Runner          *string      `json:"runner"` // its holder; of a final job, whose result it has
	Generation      int          `json:"generation"`
	Attempt         int          `json:"attempt"`
	Failures        int          `json:"failures"`
	QueuedAt        *epoch       `json:"queuedAt"`
	ClaimedAt       *epoch       `json:"claimedAt"`
	LeaseExpiresAt  *epoch       `json:"leaseExpiresAt"`
	EndedAt         *epoch       `json:"endedAt"`
	CancelRequested bool         `json:"cancelRequested"`
	Lacks           *string      `json:"lacks"` // what all runners lack that have looked at it
	Disputed        bool         `json:"disputed"`
}

// findJobs is GET /ops/jobs.
func findJobs(a *API, c *call) (reply, error) {
	q := queryOf(c)
	after, limit := q.page(c)
	f := dispatch.JobFilter{
		State: job.State(q.text("state", "want queued, claimed or final", func(s string) bool {
			return slices.Contains([]job.State{job.Queued, job.Claimed, final}, job.State(s))
		})),
		Pool:    q.text("pool", poolRule, auth.ValidName),
		Runner:  q.text("runner", "want the name of a runner", auth.ValidName),
		Problem: q.number("problem", problemRule, 1, math.MaxInt32, 0),
	}
	find := func() ([]job.Job, string, dispatch.Answer, error) {
		return a.dispatch.OpenJobs(c.Context(), f, after, limit)
	}
	if f.State == final {
		if f.Problem == 0 || f.Pool != "" || f.Runner != "" {
			q.refuse("state: final jobs are found by problem, and by nothing else")
		}
		find = func() ([]job.Job, string, dispatch.Answer, error) {
			return a.dispatch.FinalJobs(c.Context(), f.Problem, after, limit)
		}
	}
	if q.fault != nil {
		return *q.fault, nil
	}
	found, next, answer, err := find()
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	list := jobPage{Jobs: make([]foundJob, len(found)), Next: nonZero(next)}
	for i, j := range found {
		list.Jobs[i] = newFound(j)
	}
	return granted("ok", list), nil
}

// final is no state of a job: it stands for both finished and cancelled.
const final job.State = "final"

const poolRule = "want the name of a pool"

func newFound(j job.Job) foundJob {
	f := foundJob{
		SubmissionID: j.ID, State: j.State, ProblemID: j.Problem, Language: j.Language, Group: nonZero(j.Group),
		Pool: j.Pool.Name(), Runner: nonZero(j.Claim.Runner),
		Generation: j.Generation, Attempt: j.Attempt, Failures: j.Failures,
		QueuedAt: orNull(j.QueuedAt), ClaimedAt: orNull(j.Claim.ClaimedAt), LeaseExpiresAt: orNull(j.Claim.LeaseExpiresAt), EndedAt: orNull(j.EndedAt),
		CancelRequested: j.CancelRequested, Lacks: nonZero(string(j.Lacks)), Disputed: j.Disputed,
	}
	if n := len(j.Past); n > 0 && j.Final() && j.Result != nil && j.Past[n-1].Attempt == j.Result.Attempt {
		f.Runner, f.ClaimedAt = &j.Past[n-1].Runner, orNull(j.Past[n-1].ClaimedAt)
	}
	return f
}
