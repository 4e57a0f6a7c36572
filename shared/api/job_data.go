package api

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
)

// The statuses of a job without a result.
const (
	statusNoCode  = -2
	statusPending = -1
)

// jobData is a job as producers see it.
type jobData struct {
	SubmissionID    string        `json:"submissionId"`
	ProblemID       int           `json:"problemId"`
	Language        job.Language  `json:"language"`
	Group           *string       `json:"group"`
	Pool            job.Pool      `json:"pool,omitzero"` // left out: the default one
	State           job.State     `json:"state"`
	Status          int           `json:"status"`
	Score           *int          `json:"score"`       // null: no result
	RunTime         *int64        `json:"runTime"`     // ms, -1: unknown, null: no result
	MemoryUsage     *int64        `json:"memoryUsage"` // KB, -1: unknown, null: no result
	Tasks           []taskData    `json:"tasks"`       // null: no result, or the system's
	Reason          *string       `json:"reason"`      // of a JE, the runner's or the system's
	Failure         *failureData  `json:"failure,omitempty"`
	Attempt         int           `json:"attempt"`
	Failures        int           `json:"failures"`
	Generation      int           `json:"generation"`
	Holder          *holderData   `json:"holder"`
	Attempts        []attemptData `json:"attempts"` // past ones, then the current one
	CancelRequested bool          `json:"cancelRequested"`
	Disputed        bool          `json:"disputed"`
	Outputs         string        `json:"outputs"` // stored, missing, none
	CreatedAt       *epoch        `json:"createdAt"`
	QueuedAt        *epoch        `json:"queuedAt"`
	EndedAt         *epoch        `json:"endedAt"`
}

// failureData is the first case that is not AC.
type failureData struct {
	Task    int          `json:"task"`
	Case    int          `json:"case"`
	Status  judge.Status `json:"status"`
	Message string       `json:"message"` // the compiler's, for a CE
}

type taskData struct {
	Status      judge.Status `json:"status"`
	Score       int          `json:"score"`
	ExecTime    int64        `json:"execTime"`    // ms, -1: unknown
	MemoryUsage int64        `json:"memoryUsage"` // KB, -1: unknown
	Cases       []caseData   `json:"cases"`
}

type caseData struct {
	Status      judge.Status `json:"status"`
	ExecTime    int64        `json:"execTime"`
	MemoryUsage int64        `json:"memoryUsage"`
	ExitCode    int          `json:"exitCode"`
	Reason      string       `json:"reason,omitempty"` // of the status, if the runner gave one
}

type holderData struct {
	Runner         string `json:"runner"`
	Attempt        int    `json:"attempt"`
	ProblemVersion int    `json:"problemVersion"`
	LeaseExpiresAt epoch  `json:"leaseExpiresAt"`
	HeartbeatAt    epoch  `json:"heartbeatAt"`
	Expired        bool   `json:"expired"`
}

type attemptData struct {
	Attempt     int          `json:"attempt"`
	Generation  int          `json:"generation"`
	Runner      string       `json:"runner"`
	ClaimedAt   epoch        `json:"claimedAt"`
	HeartbeatAt epoch        `json:"heartbeatAt"`
	EndedAt     *epoch       `json:"endedAt"` // null: the current one; so are those below
	How         *job.How     `json:"how"`
	Reason      *job.Reason  `json:"reason"` // of a release
	Detail      *string      `json:"detail"` // of a release
	Verdict     *verdictData `json:"verdict"`
	Late        *lateData    `json:"late"`
}

type verdictData struct {
	Status int `json:"status"`
	Score  int `json:"score"`
}

type lateData struct {
	At epoch `json:"at"`
	verdictData
}

// jobReply answers with a job, or with why there is none.
func (a *API) jobReply(c *call, message string, j job.Job, answer dispatch.Answer, err error) (reply, error) {
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	c.entry.saw(j)
	data, err := a.newJob(j)
	return granted(message, data), err
}

// Show is a final job as GET /jobs/{id} shows it, the data of its envelope.
func Show(j job.Job) ([]byte, error) {
	shown, err := (&API{dispatch: dispatch.Bare()}).newJob(j)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(shown, written)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	return data, nil
}

// newJob shows a job as it stands now: whether its lease has expired is not
// stored anywhere.
func (a *API) newJob(j job.Job) (jobData, error) {
	data := jobData{
		SubmissionID:    j.ID,
		ProblemID:       j.Problem,
		Language:        j.Language,
		Group:           nonZero(j.Group),
		Pool:            j.Pool,
		State:           j.State,
		Status:          statusPending,
		Attempt:         j.Attempt,
		Failures:        j.Failures,
		Generation:      j.Generation,
		Attempts:        attempts(j),
		CancelRequested: j.CancelRequested,
		Disputed:        j.Disputed,
		Outputs:         "none",
		CreatedAt:       orNull(j.CreatedAt),
		QueuedAt:        orNull(j.QueuedAt),
		EndedAt:         orNull(j.EndedAt),
	}
	if j.QueuedAt == 0 && j.Language != job.Handwritten {
		data.Status = statusNoCode
	}
	if j.State == job.Claimed {
		data.Holder = &holderData{
			Runner:         j.Claim.Runner,
			Attempt:        j.Attempt,
			ProblemVersion: j.Claim.ProblemVersion,
			LeaseExpiresAt: epoch(j.Claim.LeaseExpiresAt),
			HeartbeatAt:    epoch(j.Claim.HeartbeatAt()),
			Expired:        j.LeaseExpired(job.At(a.dispatch.Now())),
		}
	}
	return data, data.show(j)
}

// show adds the result, if there is one.
func (data *jobData) show(j job.Job) error {
	r := j.Result
	if r == nil {
		return nil
	}
	data.Status = r.Status
	data.Score, data.RunTime, data.MemoryUsage = &r.Score, &r.RunTime, &r.MemoryUsage
	switch {
	case r.HasOutputs():
		data.Outputs = "stored"
	case r.Outputs == job.OutputsMissing:
		data.Outputs = "missing"
	}
	if r.Attempt == 0 {
		data.Reason = new(reasons(j))
	}
	if len(r.Tasks) == 0 {
		return nil
	}
	verdicts, err := judge.ReadRecord(r.Tasks)
	if err != nil {
		return err
	}
	data.Tasks = make([]taskData, len(verdicts))
	for i, t := range verdicts {
		data.Tasks[i] = taskData{t.Status, t.Score, t.ExecTime, t.MemoryUsage, make([]caseData, len(t.Cases))}
		for k, c := range t.Cases {
			data.Tasks[i].Cases[k] = caseData{c.Status, c.ExecTime, c.MemoryUsage, c.ExitCode, c.Reason}
		}
	}
	failure, failed, err := dispatch.FirstFailure(*r, verdicts)
	if err != nil {
		return fmt.Errorf("first failure of job %s: %w", j.ID, err)
	}
	if failed {
		data.Failure = &failureData{failure.Task, failure.Case, failure.Status, failure.Message}
	}
	if r.Status == job.StatusJE {
		data.Reason = new(judgedJE(j, data.Failure))
	}
	return nil
}

// attempts lists the past ones and the current one; never nil.
func attempts(j job.Job) []attemptData {
	list := make([]attemptData, 0, len(j.Past)+1)
	for _, p := range j.Past {
		shown := attemptData{
			Attempt:     p.Attempt,
			Generation:  p.Generation,
			Runner:      p.Runner,
			ClaimedAt:   epoch(p.ClaimedAt),
			HeartbeatAt: epoch(p.HeartbeatAt),
			EndedAt:     orNull(p.EndedAt),
			How:         nonZero(p.How),
			Reason:      nonZero(p.Reason),
			Detail:      nonZero(p.Detail),
		}
		if p.Verdict != nil {
			shown.Verdict = &verdictData{p.Verdict.Status, p.Verdict.Score}
		}
		if p.Late != nil {
			shown.Late = &lateData{epoch(p.Late.At), verdictData{p.Late.Verdict.Status, p.Late.Verdict.Score}}
		}
		list = append(list, shown)
	}
	if j.State == job.Claimed {
		list = append(list, attemptData{
			Attempt:     j.Attempt,
			Generation:  j.Generation,
			Runner:      j.Claim.Runner,
			ClaimedAt:   epoch(j.Claim.ClaimedAt),
			HeartbeatAt: epoch(j.Claim.HeartbeatAt()),
		})
	}
	return list
}

// judgedJE names the runner that gave a JE, and its reason.
func judgedJE(j job.Job, failure *failureData) string {
	why := fmt.Sprintf("attempt %d was judged JE", j.Result.Attempt)
	for _, p := range j.Past {
		if p.Attempt == j.Result.Attempt {
			why += " by " + p.Runner
		}
	}
	if failure == nil || failure.Message == "" {
		return why + ", which gave no reason"
	}
	return why + ": " + failure.Message
}

// reasons describes how the attempts of the current generation ended.
func reasons(j job.Job) string {
	var ends []string
	for _, p := range j.Past {
		if p.Generation != j.Generation {
			continue
		}
		end := fmt.Sprintf("attempt %d by %s ", p.Attempt, p.Runner)
		switch {
		case p.How == job.HowLost:
			end += "was lost: no heartbeat"
		case p.Reason != "":
			end += fmt.Sprintf("was %s: %s", p.How, p.Reason)
			if p.Detail != "" {
				end += " (" + p.Detail + ")"
			}
		default:
			end += fmt.Sprintf("was %s", p.How)
		}
		ends = append(ends, end)
	}
	return strings.Join(ends, "; ")
}

// nonZero is nil, null on the wire, for an empty value.
func nonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
