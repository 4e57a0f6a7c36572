package dispatch

import (
	"context"
	"fmt"
	"time"

	"runlease/shared/auth"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// ClaimRequest asks for a job.
type ClaimRequest struct {
	ID           string
	Runner       string
	Version      string // of its program
	LeaseSeconds *int   // nil: the default
	Pools        job.Pools
	Languages    job.Languages
	Checkers     bool // the runner knows of checkers
	Inline       bool // the code may come with the claim
}

// Claimed is what a runner gets with a job.
type Claimed struct {
	Job          job.Job
	Token        string // of this claim; only its hash is stored
	Content      problem.Content
	Code         []byte // the zip, if it is in the store and the runner takes it so
	CodeURL      string // presigned for URLLife; empty: the code is in the store
	TestdataURL  string // the same; empty: the problem has none
	CodeName     string
	TestdataName string

	HeartbeatSeconds int // how often the runner should send a heartbeat
}

// Claim gives a job to a runner. Refused with NotFound, NotPending,
// AlreadyClaimed, Barred, PassedOver, Unfit or InvalidLease.
func (d *Dispatcher) Claim(ctx context.Context, r ClaimRequest) (Claimed, Answer, error) {
	lease, answer := d.Lease.grant(r.LeaseSeconds)
	if !answer.OK() {
		return Claimed{}, answer, nil
	}
	// Its lists have told what it can judge: a claim may leave it out.
	runner, probes := d.asks(ctx, job.Candidate{Runner: r.Runner, Version: r.Version, Pools: r.Pools, Languages: r.Languages, Checkers: r.Checkers}, false, 0)
	if !runner.Languages.Said() { // it was listed nothing that it does not judge, and knows what it asks for
		runner.Languages = job.AnyLanguage
	}
	may := 0
	if runner.Barred == "" {
		if may = d.reserve(ctx, r.Runner, 1); may == 0 {
			runner.Barred = job.RunnerSilent
		}
	}
	c, err := d.update(ctx, r.ID, d.claim(runner, nil, lease, d.Store.Problem))
	if err != nil || !c.OK() {
		d.settle(r.Runner, may)
		return Claimed{}, c.Answer, err
	}
	claimed, err := d.claimed(ctx, c)
	if d.settle(r.Runner, may, claimed); probes {
		d.probing(ctx, r.Runner, claimed)
	}
	if err == nil && r.Inline {
		one := []Claimed{claimed}
		d.fillCode(ctx, one)
		claimed = one[0]
	}
	return claimed, granted, err
}

// grant is what a runner gets with a claim and the job does not hold.
type grant struct {
	token   string
	content problem.Content
}

// problemReader reads a problem; false if it does not exist.
type problemReader func(ctx context.Context, id int) (problem.Problem, bool, error)

// claim decides a claim. The problem is read only for a job that can be claimed.
// The offer is what the job was found by, if it was: its message is the claim's,
// unless the bell has been rung anew since.
func (d *Dispatcher) claim(runner job.Candidate, o *offer, leaseSeconds int, read problemReader) decide {
	return func(ctx context.Context, j job.Job) (decision, error) {
		op := job.ClaimOp{Now: d.now(), Runner: runner.Runner, LeaseSeconds: leaseSeconds}
		at := j
		at.Pool = d.InPool(j)
		if o != nil {
			at.Pool = o.pool
		}
		if o != nil && o.job.Bell == j.Bell {
			op.Handle = o.handle
		}
		if _, tried := op.Apply(j); tried.Outcome != job.OK {
			return refused(j, Answer{Outcome: tried.Outcome}), nil
		}
		pauses, _ := d.paused(ctx)
		pause := pauses.Of(at.Pool.Name(), j.Problem)
		switch o := at.MayHave(runner, job.Needs{Paused: pause != nil}, op.Now); {
		case runner.Barred != "":
			return refused(j, Answer{Outcome: job.Barred, Detail: barredDetails[o.Why]}), nil
		case o.Why == job.OnHold:
			return refused(j, Answer{Outcome: job.JobPaused, Detail: pausedDetail(pause)}), nil
		case o.Why == job.LacksPool:
			return refused(j, Answer{Outcome: job.Unfit, Detail: fmt.Sprintf("it is in the pool %s, and the runner serves %s", at.Pool.Name(), runner.Pools)}), nil
		case o.Lasting():
			return refused(j, Answer{Outcome: job.Unfit, Detail: fmt.Sprintf("it is in language %d, which the runner does not have in `languages`", j.Language)}), nil
		case o.Why != "":
			wait := (o.Until.Sub(op.Now) + time.Second - 1) / time.Second
			return refused(j, Answer{Outcome: job.PassedOver, Detail: fmt.Sprintf("try again in %d s", wait)}), nil
		}
		p, found, err := read(ctx, j.Problem)
		if err != nil {
			return decision{}, err
		}
		if !found || p.Version == 0 {
			return decision{}, fmt.Errorf("problem %d of a queued job is not published", j.Problem)
		}
		d.known.put(versionKey{p.ID, p.Version}, p.Current)
		if needs := needsIn(p.Current); at.MayHave(runner, needs, op.Now).Why != "" {
			detail := "its problem has a checker, and the runner does not say `checkers`: true"
			if runner.Checkers {
				detail = fmt.Sprintf("its problem's checker is in language %d, which the runner does not have in `languages`", *needs.Program)
			}
			return refused(j, Answer{Outcome: job.Unfit, Detail: detail}), nil
		}
		token, err := auth.NewClaimToken(d.Random)
		if err != nil {
			return decision{}, fmt.Errorf("make claim token: %w", err)
		}
		op.ProblemVersion = p.Version
		op.TokenHash = auth.Hash(token)
		made := decided(op.Apply(j))
		made.grant = grant{token, p.Current}
		return made, nil
	}
}

// claimed is what a runner needs to begin. A failure leaves the claim to its
// lease.
func (d *Dispatcher) claimed(ctx context.Context, made change) (Claimed, error) {
	j := made.after
	c := Claimed{
		Job: j, Token: made.grant.token, Content: made.grant.content, CodeName: codeName(j.ID),
		HeartbeatSeconds: job.HeartbeatEvery(j.Claim.LeaseSeconds),
	}
	var err error
	if !j.CodeInline {
		c.CodeURL, err = d.URLs.GetURL(ctx, codeKey(j.ID, j.Code.SHA256), c.CodeName)
	}
	if err != nil || c.Content.Testdata.SHA256 == "" {
		return c, err
	}
	c.TestdataName = testdataName(j.Problem)
	c.TestdataURL, err = d.URLs.GetURL(ctx, testdataKey(j.Problem, c.Content.Testdata.SHA256), c.TestdataName)
	return c, err
}
