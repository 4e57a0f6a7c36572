package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"runlease/shared/auth"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// ClaimRequest asks for a job.
type ClaimRequest struct {
	ID     string
	Runner string
	Lease  time.Duration // 0: the default
}

// Claimed is what a runner gets with a job.
type Claimed struct {
	Job          job.Job
	Token        string // of this claim; only its hash is stored
	Content      problem.Content
	Heartbeat    time.Duration // how often the runner should be heard
	CodeURL      string        // presigned for URLLife
	TestdataURL  string        // the same; empty: the problem has none
	CodeName     string
	TestdataName string
}

// Claim gives a job to a runner. Refused with NotFound, NotPending,
// AlreadyClaimed or InvalidLease.
func (d *Dispatcher) Claim(ctx context.Context, r ClaimRequest) (Claimed, Answer, error) {
	lease, answer := d.lease(r.Lease)
	if !answer.OK() {
		return Claimed{}, answer, nil
	}
	var claimed Claimed
	c, err := d.update(ctx, r.ID, d.claim(ctx, r.Runner, offer{}, lease, d.Store.Problem, &claimed))
	if err != nil || c.Outcome != job.OK {
		return Claimed{}, c.answer(), err
	}
	claimed.Job = c.after
	return claimed, granted, d.present(ctx, &claimed)
}

// problemReader reads a problem; false: there is none.
type problemReader func(ctx context.Context, id int) (problem.Problem, bool, error)

// readOnce is Store.Problem, but for the claims of one call, which are often of
// one problem: it reads each only once.
func (d *Dispatcher) readOnce() problemReader {
	known := map[int]problem.Problem{}
	return func(ctx context.Context, id int) (problem.Problem, bool, error) {
		if p, found := known[id]; found {
			return p, true, nil
		}
		p, found, err := d.Store.Problem(ctx, id)
		if err == nil && found {
			known[id] = p
		}
		return p, found, err
	}
}

// claim decides a claim and leaves its token and problem in claimed. The
// problem is read only for a job that can be claimed. The offer is what the job
// was found by, if it was: its message is the claim's, unless the bell has been
// rung anew since.
func (d *Dispatcher) claim(ctx context.Context, runner string, o offer, lease time.Duration, read problemReader, claimed *Claimed) decide {
	return func(j job.Job) (job.Job, job.Decision, error) {
		op := job.ClaimOp{Now: d.now(), Runner: runner, LeaseSeconds: seconds(lease)}
		if o.job.Bell == j.Bell {
			op.Handle = o.handle
		}
		if _, out := op.Apply(j); out.Outcome != job.OK {
			return j, out, nil
		}
		p, found, err := read(ctx, j.Problem)
		if err != nil {
			return j, job.Decision{}, err
		}
		if !found || p.Version == 0 {
			return j, job.Decision{}, fmt.Errorf("problem %d of a queued job is not published", j.Problem)
		}
		d.known.put(p.ID, p.Version, p.Current)
		if claimed.Token, err = auth.NewClaimToken(d.Random); err != nil {
			return j, job.Decision{}, fmt.Errorf("make claim token: %w", err)
		}
		claimed.Content = p.Current
		op.ProblemVersion = p.Version
		op.TokenHash = auth.Hash(claimed.Token)
		next, out := op.Apply(j)
		return next, out, nil
	}
}

// present fills in what a runner needs to begin. A failure leaves the claim to
// its lease.
func (d *Dispatcher) present(ctx context.Context, c *Claimed) error {
	c.Heartbeat = heartbeatEvery(time.Duration(c.Job.Claim.LeaseSeconds) * time.Second)
	var err error
	c.CodeName = c.Job.ID + ".zip"
	c.CodeURL, err = d.URLs.GetURL(ctx, codeKey(c.Job.ID, c.Job.Code.SHA256), c.CodeName)
	if err != nil || c.Content.Testdata.SHA256 == "" {
		return err
	}
	c.TestdataName = testdataName(c.Job.Problem)
	c.TestdataURL, err = d.URLs.GetURL(ctx, testdataKey(c.Job.Problem, c.Content.Testdata.SHA256), c.TestdataName)
	return err
}

func testdataName(problem int) string { return fmt.Sprintf("testdata-%d.zip", problem) }

func (d *Dispatcher) lease(asked time.Duration) (time.Duration, Answer) {
	switch {
	case asked == 0:
		return d.Lease.Default, granted
	case asked < d.Lease.Least || asked > d.Lease.Longest:
		return 0, Answer{InvalidLease, fmt.Sprintf("want %d to %d", seconds(d.Lease.Least), seconds(d.Lease.Longest))}
	}
	return asked, granted
}

// heartbeatEvery leaves room for two heartbeats to be lost. Existing clients
// send one a minute on a lease of ten.
func heartbeatEvery(lease time.Duration) time.Duration {
	return max(time.Second, min(lease/3, time.Minute).Truncate(time.Second))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	var digits [2 * sha256.Size]byte
	return string(hex.AppendEncode(digits[:0], sum[:]))
}
