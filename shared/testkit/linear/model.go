package linear

import "github.com/anishathalye/porcupine"

// Op is what is asked of a job.
type Op string

// The operations. Sweep and Expire act on every job at once.
const (
	Create    Op = "create" // with its code, so that the job is queued
	Submit    Op = "submit" // of a job that was created without; no history here has one
	Claim     Op = "claim"
	Heartbeat Op = "heartbeat"
	Complete  Op = "complete"
	Release   Op = "release"
	Cancel    Op = "cancel"
	Rejudge   Op = "rejudge"
	Get       Op = "get"
	Sweep     Op = "sweep"
	Expire    Op = "expire"
)

// Input is a request about one job.
type Input struct {
	Op         Op
	Job        string
	Runner     string // of claim, heartbeat, complete, release
	Token      string // of heartbeat (may be empty), complete, release
	Status     int    // of complete: 0 AC, 1 WA
	Reason     string // of release
	Generation int    // of rejudge: the one to replace
}

// Output is what came of it.
type Output struct {
	Code   string // a word of the wire contract; OK; Unknown
	New    bool   // of create: there was no such job
	Token  string // of claim
	Action string // of heartbeat
	View   View   // of claim (attempt and generation only), get, cancel, rejudge

	// Lost means that a write for this request was made and its reply lost on the
	// way to the system. Where somebody else wrote before the system repeated it,
	// the system cannot tell that it was made, and decides a second time: a claim
	// may be refused for the sake of itself, and then comes back with its lease.
	Lost bool
}

// The codes that this package uses. Unknown stands for a failed request: it may
// have had its effect, or have it yet, or never. Perhaps stands for a sweep that
// may have passed over a job: what it did not do by its end it will not do.
const (
	OK                 = "ok"
	NotFound           = "not_found"
	NotPending         = "not_pending"
	AlreadyClaimed     = "already_claimed"
	PassedOver         = "passed_over" // of a claim
	NotClaimed         = "not_claimed_by_runner"
	InvalidToken       = "invalid_submission_token"
	ResultConflict     = "result_conflict"
	JobCancelled       = "job_cancelled"
	JobFinished        = "job_finished"
	GenerationConflict = "generation_conflict"
	NotSubmitted       = "not_submitted"
	Unknown            = ""
	Perhaps            = "perhaps"
)

// View is a job as the producer sees it.
type View struct {
	State      string
	Attempt    int
	Generation int
	Failures   int
	Holder     string // runner; "" if there is none
	Silent     bool   // the holder's lease has expired
	Asked      bool   // a cancel was asked for
	Status     int    // of the result; Pending: there is none
}

// The states and statuses of a View.
const (
	created   = "created"
	queued    = "queued"
	claimed   = "claimed"
	finished  = "finished"
	cancelled = "cancelled"

	Pending = -1
	je      = 6
)

// The bounds of one generation.
const (
	maxFailures = 3
	maxAttempts = 10
)

// job is the specification's job. State is empty while there is none.
type job struct {
	View
	token string // of the current claim
	fence int    // Attempt when this generation began
	coded bool   // its code is there
	past  *ended
}

// ended is an attempt of this generation that is over: what the repetition of
// its last request is answered depends on how it went. It never changes.
type ended struct {
	runner, token string
	how           how
	status        int // of the result that ended it
	older         *ended
}

type how int

const (
	taken    how = iota // away from its runner, which said nothing
	accepted            // its result is the job's
	too                 // its result came after a cancel was asked for
	returned            // given back
	unfit               // given back because its runner was at fault
)

func (j job) equal(k job) bool {
	p, q := j.past, k.past
	j.past, k.past = nil, nil
	if j != k {
		return false
	}
	for p != q {
		if p == nil || q == nil {
			return false
		}
		a, b := *p, *q
		a.older, b.older = nil, nil
		if a != b {
			return false
		}
		p, q = p.older, q.older
	}
	return true
}

// find looks for an attempt of this generation that is over.
func (j job) find(runner, token string) *ended {
	for p := j.past; p != nil; p = p.older {
		if p.runner == runner && p.token == token && token != "" {
			return p
		}
	}
	return nil
}

// unfit reports whether a claim is by a runner that was at fault in this generation, or has
// let go of the job twice.
func (j job) unfit(in Input) bool {
	bad := 0
	if j.Holder == in.Runner && j.Silent {
		bad++
	}
	for p := j.past; p != nil; p = p.older {
		if p.runner == in.Runner {
			bad++
		}
		if p.runner == in.Runner && p.how == unfit {
			bad++
		}
	}
	return in.Op == Claim && bad > 1
}

// fail notes that the holder has failed, which counts once for each runner.
func (j job) fail() job {
	for p := j.past; p != nil; p = p.older {
		if p.runner == j.Holder && (p.how == taken || p.how == unfit) {
			return j
		}
	}
	j.Failures++
	return j
}

// over reports whether no runner may claim the job although its holder is silent.
func (j job) over() bool {
	return j.Silent && (j.Asked || j.fail().Failures >= maxFailures || j.Attempt-j.fence >= maxAttempts)
}

// drop ends the current claim.
func (j job) drop(h how, status int) job {
	j.past = &ended{j.Holder, j.token, h, status, j.past}
	j.Holder, j.token, j.Silent = "", "", false
	return j
}

// end makes the job final.
func (j job) end(state string, status int) job {
	j.State, j.Status, j.Asked = state, status, false
	return j
}

// standing is why a runner that does not hold the job with this token is refused.
func (j job) standing(in Input) string {
	switch {
	case j.State != claimed || j.Holder != in.Runner:
		return NotClaimed
	case in.Token != j.token:
		return InvalidToken
	}
	return OK
}

// apply is the specification: what the job becomes, and the answer. A claim's
// token is whatever the system chose.
func (j job) apply(in Input, token string) (job, Output) {
	if j.State == "" && in.Op != Create && in.Op != Sweep && in.Op != Expire {
		return j, Output{Code: NotFound}
	}
	switch in.Op {
	case Create:
		if j.State != "" {
			return j, Output{Code: OK}
		}
		j.State, j.Status, j.coded = queued, Pending, true
		return j, Output{Code: OK, New: true}
	case Submit:
		if j.State == created {
			j.State, j.coded = queued, true
		}
		return j, Output{Code: OK}
	case Claim:
		return j.claim(in, token)
	case Heartbeat:
		if code := j.standing(in); code == NotClaimed || code == InvalidToken && in.Token != "" {
			return j, Output{Code: code}
		}
		j.Silent = false // late is not lost
		if j.Asked {
			return j, Output{Code: OK, Action: "cancel"}
		}
		return j, Output{Code: OK, Action: "continue"}
	case Complete:
		return j.complete(in)
	case Release:
		return j.release(in)
	case Cancel:
		switch {
		case j.State == finished:
			return j, Output{Code: JobFinished}
		case j.State == claimed && !j.Silent:
			j.Asked = true
		case j.State == claimed:
			j = j.drop(taken, 0).end(cancelled, Pending)
		default:
			j = j.end(cancelled, Pending)
		}
		return j, Output{Code: OK, View: j.View}
	case Rejudge:
		switch {
		case j.Generation == in.Generation+1: // repeated
		case j.Generation != in.Generation:
			return j, Output{Code: GenerationConflict}
		case j.State == created:
			return j, Output{Code: NotSubmitted}
		default:
			j = job{fence: j.Attempt, coded: j.coded, View: View{
				State: queued, Attempt: j.Attempt, Generation: j.Generation + 1, Status: Pending,
			}}
			if !j.coded { // it was cancelled before its code came
				j.State = created
			}
		}
		return j, Output{Code: OK, View: j.View}
	case Get:
		return j, Output{Code: OK, View: j.View}
	case Sweep:
		if j.State == claimed && j.over() {
			if j.Asked {
				j = j.drop(taken, 0).end(cancelled, Pending)
			} else {
				j = j.fail().drop(taken, 0).end(finished, je)
			}
		}
		return j, Output{Code: OK}
	case Expire:
		j.Silent = j.State == claimed
		return j, Output{Code: OK}
	}
	return j, Output{Code: "no such operation"}
}

func (j job) claim(in Input, token string) (job, Output) {
	switch {
	case j.State == queued:
	case j.State == claimed && j.Silent && !j.over():
		j = j.fail().drop(taken, 0)
	case j.State == claimed && !j.over():
		return j, Output{Code: AlreadyClaimed}
	default:
		return j, Output{Code: NotPending}
	}
	j.State, j.Holder, j.token = claimed, in.Runner, token
	j.Attempt++
	return j, Output{Code: OK, Token: token, View: View{Attempt: j.Attempt, Generation: j.Generation}}
}

func (j job) complete(in Input) (job, Output) {
	code := j.standing(in)
	if code == OK && j.Asked {
		return j.drop(too, in.Status).end(cancelled, Pending), Output{Code: JobCancelled}
	}
	if code == OK {
		return j.drop(accepted, in.Status).end(finished, in.Status), Output{Code: OK}
	}
	before := j.find(in.Runner, in.Token)
	switch {
	case before != nil && before.how == accepted && before.status == in.Status:
		code = OK
	case before != nil && before.how == accepted:
		code = ResultConflict
	case before != nil && before.how == too:
		code = JobCancelled
	}
	return j, Output{Code: code}
}

func (j job) release(in Input) (job, Output) {
	code := j.standing(in)
	if code != OK {
		if before := j.find(in.Runner, in.Token); before != nil && (before.how == returned || before.how == unfit) {
			code = OK
		}
		return j, Output{Code: code}
	}
	switch {
	case j.Asked:
		return j.drop(returned, 0).end(cancelled, Pending), Output{Code: OK}
	case in.Reason == "infra_error" || in.Reason == "cancelled":
		j = j.fail().drop(unfit, 0)
	default:
		j = j.drop(returned, 0)
	}
	if j.Failures >= maxFailures || j.Attempt-j.fence >= maxAttempts {
		return j.end(finished, je), Output{Code: OK}
	}
	j.State = queued
	return j, Output{Code: OK}
}

// model is the specification as porcupine takes it.
var model = func() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{job{}} },
		Step: func(state, input, output any) []any {
			j, out := state.(job), output.(Output)
			next, want := j.apply(input.(Input), out.Token)
			switch {
			case out.Code == Unknown, out.Code == Perhaps:
				return []any{j, next}
			case out == want:
				return []any{next}
			case out == (Output{Code: PassedOver}) && want.Code == OK && j.unfit(input.(Input)):
				return []any{j} // for a while, which is not modelled
			}
			return nil
		},
		Equal: func(a, b any) bool { return a.(job).equal(b.(job)) },
	}
	return m.ToModel()
}()
