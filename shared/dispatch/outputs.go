package dispatch

import (
	"context"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/judge"
)

// MaxOutputs is the largest zip of case outputs that a runner may upload, in bytes.
const MaxOutputs = 256 << 20

// UploadOutputs lets the holder of a job upload case outputs that are too big
// for the complete body. Refused with NotFound, NotClaimed, InvalidToken or
// OutputsTooLarge.
func (d *Dispatcher) UploadOutputs(ctx context.Context, id, runner, tokenHash string, a job.Artifact) (Upload, Answer, error) {
	j, answer, err := d.held(ctx, id, runner, tokenHash)
	if err != nil || !answer.OK() {
		return Upload{}, answer, err
	}
	if a.Size > MaxOutputs {
		return Upload{}, Answer{OutputsTooLarge, fmt.Sprintf("want at most %d bytes", MaxOutputs)}, nil
	}
	up, err := d.URLs.PutURL(ctx, outputsKey(id, j.Stand(runner, tokenHash), a.SHA256), a)
	return up, granted, err
}

// storedOutputs remembers what one request has stored, so that a decision that
// is made again after a conflict does not store it again.
type storedOutputs struct {
	attempt  int
	key      string
	mismatch bool
}

// storeOutputs sees to the outputs of an attempt and returns their key. A
// verdict is worth more than its outputs: if they cannot be stored, the key is
// OutputsMissing.
func (d *Dispatcher) storeOutputs(ctx context.Context, stored *storedOutputs, r CompleteRequest, s job.Standing, cases [][]judge.Case) string {
	if stored.attempt == s.Attempt {
		return stored.key
	}
	stored.attempt, stored.key = s.Attempt, ""
	if r.Outputs != (job.Artifact{}) {
		stored.key = outputsKey(r.ID, s, r.Outputs.SHA256)
		found, exists, err := d.Objects.Stat(ctx, stored.key)
		switch {
		case err != nil || !exists:
			d.Log.WarnContext(ctx, "uploaded outputs not found", "job_id", r.ID, "attempt", s.Attempt, "error", err)
			stored.key = job.OutputsMissing
		case found != r.Outputs:
			stored.mismatch = true
		}
		return stored.key
	}
	body, err := zipOutputs(cases)
	if err == nil && body == nil {
		return ""
	}
	if err == nil {
		a := job.Artifact{Size: int64(len(body)), SHA256: digest(body)}
		stored.key = outputsKey(r.ID, s, a.SHA256)
		err = d.Objects.Put(ctx, stored.key, body, a)
	}
	if err != nil {
		d.Log.ErrorContext(ctx, "outputs not stored", "job_id", r.ID, "attempt", s.Attempt, "error", err)
		stored.key = job.OutputsMissing
	}
	return stored.key
}

// zipOutputs makes one zip of TTCC.stdout and TTCC.stderr; nil if there is no
// output at all. The same outputs make the same bytes.
func zipOutputs(cases [][]judge.Case) ([]byte, error) {
	if noOutput(cases) {
		return nil, nil
	}
	var z zipped
	for i, task := range cases {
		for k, c := range task {
			name := fmt.Sprintf("%02d%02d", i, k)
			for _, file := range []struct{ name, text string }{{name + ".stdout", c.Stdout}, {name + ".stderr", c.Stderr}} {
				if err := z.add(file.name, file.text); err != nil {
					return nil, fmt.Errorf("zip outputs: %w", err)
				}
			}
		}
	}
	return z.close(), nil
}

func noOutput(cases [][]judge.Case) bool {
	for _, task := range cases {
		for _, c := range task {
			if c.Stdout != "" || c.Stderr != "" {
				return false
			}
		}
	}
	return true
}
