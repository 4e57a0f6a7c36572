package dispatch

import (
	"context"
	"time"

	"runlease/shared/job"
)

// MaxCodeInline is how long a zip of code may be, in bytes, to be kept in the
// store and to travel in replies. A record of it takes two write units and one
// read unit, and a million of them with 465 bytes, the median of real submissions,
// cost 1.50 dollars to write, read and keep. As objects they cost 5.40 before they
// are kept, and each is a request before the job is queued and one before it is run.
const MaxCodeInline = 1900

// Codes keeps the code of jobs that is short, each in a record beside its job's.
// A record is named by the job's id and the beginning of the code's hash. So two
// backends that use one id for different code do not overwrite each other's.
type Codes interface {
	// PutCode keeps the code of j at least until a time. A code that is there
	// already is this one, and is kept longer if it has to be. What is written to
	// the store after PutCode has returned is never there without it.
	PutCode(ctx context.Context, j job.Job, zip []byte, until job.Time) error
	// ReadCodes reads the code of up to 10 jobs, by the job's id. Missing
	// code is not in the map. Strongly consistent.
	ReadCodes(ctx context.Context, of []job.Job) (map[string]Code, error)
	// KeepCode keeps the code of j at least until a time; false if it is not there.
	KeepCode(ctx context.Context, j job.Job, until job.Time) (found bool, err error)
	// RemoveCode removes the code of j. It is no error if there is none.
	RemoveCode(ctx context.Context, j job.Job) error
}

// Code is a zip that a store keeps.
type Code struct {
	Zip  []byte
	Kept job.Time // at least until then; 0: as long as its job
}

// codeSlack is how long the code of a job is kept beyond the time at which the job
// may be forgotten if it ends at once. A job that is open for longer than half of
// it has its code kept longer by the sweep.
const codeSlack = 4 * 24 * time.Hour

// CodeKept is how long short code is kept from the moment at which its job was
// queued.
const CodeKept = job.KeepFinal + codeSlack

// storeCode keeps the code of a job that is about to be written. inline: in the store.
func (d *Dispatcher) storeCode(ctx context.Context, j job.Job, zip []byte, inline bool) error {
	if inline {
		return d.Store.PutCode(ctx, j, zip, j.CreatedAt.Add(CodeKept))
	}
	return d.Objects.PutAhead(ctx, codeKey(j.ID, j.Code.SHA256), zip, j.Code)
}

// codesOf reads the code of those of the jobs whose code is in the store.
func (d *Dispatcher) codesOf(ctx context.Context, jobs ...job.Job) (map[string]Code, error) {
	short := make([]job.Job, 0, len(jobs))
	for _, j := range jobs {
		if j.CodeInline {
			short = append(short, j)
		}
	}
	if len(short) == 0 {
		return nil, nil
	}
	return d.Store.ReadCodes(ctx, short)
}

// fillCode puts the code that is in the store into claims. Where it cannot be read,
// the runner asks get-code for it.
func (d *Dispatcher) fillCode(ctx context.Context, claims []Claimed) {
	jobs := make([]job.Job, len(claims))
	for i, c := range claims {
		jobs[i] = c.Job
	}
	codes, err := d.codesOf(ctx, jobs...)
	if err != nil {
		d.Log.WarnContext(ctx, "code of claims not read", "jobs", len(jobs), "error", err)
	}
	for i := range claims {
		claims[i].Code = codes[claims[i].Job.ID].Zip
	}
}

// keepCode keeps the code of an open job for as long as the job may live, if it is
// in the store and was kept for less than half of what it needs beyond that.
func (d *Dispatcher) keepCode(ctx context.Context, j job.Job, now job.Time) error {
	if !j.CodeInline || !j.Open() || now.Sub(j.QueuedAt) < codeSlack/2 {
		return nil
	}
	codes, err := d.codesOf(ctx, j)
	if err != nil {
		return err
	}
	if kept := codes[j.ID].Kept; kept == 0 || kept.Sub(now) >= CodeKept-codeSlack/2 {
		return nil
	}
	_, err = d.Store.KeepCode(ctx, j, now.Add(CodeKept))
	return err
}
