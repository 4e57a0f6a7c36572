package dispatch

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"

	"runlease/shared/casefile"
	"runlease/shared/job"
	"runlease/shared/judge"
)

// MaxOutputs is the largest zip of case outputs that a runner may upload, in bytes.
const MaxOutputs = casefile.MaxOutputs

// UploadOutputs lets the holder of a job upload case outputs that are too big
// for the complete body. Refused with NotFound, NotClaimed, InvalidToken or
// OutputsTooLarge.
func (d *Dispatcher) UploadOutputs(ctx context.Context, id, runner, tokenHash string, a job.Artifact) (Upload, Answer, error) {
	j, answer, err := d.held(ctx, id, runner, tokenHash)
	if err != nil || !answer.OK() {
		return Upload{}, answer, err
	}
	if a.Size > MaxOutputs {
		return Upload{}, Answer{Outcome: OutputsTooLarge, Detail: fmt.Sprintf("want at most %d bytes", MaxOutputs)}, nil
	}
	up, err := d.URLs.PutURL(ctx, uploadKey(id, j.Stand(runner, tokenHash), a.SHA256), a)
	return up, granted, err
}

// storedOutputs remembers what one request has stored, so that a decision that
// is made again after a conflict does not store it again.
type storedOutputs struct {
	attempt  int
	key      string
	packed   []byte
	mismatch bool
}

// storeOutputs sees to the outputs of an attempt and returns their key, or the
// outputs themselves, packed, if they are small enough to go with the verdict. A
// verdict is worth more than its outputs: if they cannot be stored, or were not
// uploaded, the key is OutputsMissing.
func (c *completion) storeOutputs(ctx context.Context, s job.Standing, cases [][]judge.Case) (key string, packed []byte) {
	stored := &c.stored
	if stored.attempt == s.Attempt {
		return stored.key, stored.packed
	}
	stored.attempt, stored.key, stored.packed = s.Attempt, "", nil
	if c.r.Outputs != (job.Artifact{}) {
		stored.key, stored.mismatch = c.uploadedOutputs(ctx, s)
		return stored.key, nil
	}
	if noOutput(cases) {
		return "", nil
	}
	if stored.packed = pack(cases); stored.packed != nil {
		return "", stored.packed
	}
	key, body, a, err := zipFor(c.r.ID, s, cases)
	if err == nil {
		err = c.d.Objects.PutAhead(ctx, key, body, a)
	}
	if err != nil {
		c.d.Log.ErrorContext(ctx, "outputs not stored", "job_id", c.r.ID, "attempt", s.Attempt, "error", err)
		key = job.OutputsMissing
	}
	stored.key = key
	return key, nil
}

// uploadedOutputs looks for what a runner says that it has uploaded. It is a
// mismatch if its hash is there with another size.
func (c *completion) uploadedOutputs(ctx context.Context, s job.Standing) (key string, mismatch bool) {
	// The second key is that of URLs which earlier versions of this code signed.
	for _, key := range []string{uploadKey(c.r.ID, s, c.r.Outputs.SHA256), outputsKey(c.r.ID, s, c.r.Outputs.SHA256)} {
		found, exists, err := c.d.Objects.Stat(ctx, key)
		switch {
		case err != nil:
			// The verdict does not wait for S3. The upload's size and hash were
			// signed: what is there is what was announced, or another upload of this
			// attempt, or nothing is.
			c.d.Log.WarnContext(ctx, "uploaded outputs not looked up", "job_id", c.r.ID, "attempt", s.Attempt, "error", err)
			return key, false
		case exists && found.SHA256 == c.r.Outputs.SHA256:
			return key, found != c.r.Outputs
		}
	}
	c.d.Log.WarnContext(ctx, "uploaded outputs not found", "job_id", c.r.ID, "attempt", s.Attempt)
	return job.OutputsMissing, false
}

// FirstFailure is the first case of a result that is not AC, with its message;
// verdicts are those of the result's Tasks, whose cases it fills in.
func FirstFailure(r job.Result, verdicts []judge.TaskVerdict) (f judge.Failure, failed bool, err error) {
	cases := make([][]judge.Case, len(verdicts))
	for i, task := range verdicts {
		cases[i] = task.Cases
	}
	if len(r.Packed) > 0 && r.Status != int(judge.AC) {
		if err := unpack(r.Packed, cases); err != nil {
			return judge.Failure{}, false, err
		}
	}
	if f, failed = judge.FirstFailure(cases); r.Message != "" {
		f.Message = r.Message
	}
	return f, failed, nil
}

// unpacked is the outputs that are kept with the verdict, by task and case.
func unpacked(j job.Job) ([][]judge.Case, error) {
	cases, err := casesOf(j)
	if err == nil {
		err = unpack(j.Result.Packed, cases)
	}
	if err != nil {
		return nil, fmt.Errorf("outputs of job %s: %w", j.ID, err)
	}
	return cases, nil
}

// casesOf is the cases of a job's result, without their outputs.
func casesOf(j job.Job) ([][]judge.Case, error) {
	verdicts, err := judge.ReadRecord(j.Result.Tasks)
	if err != nil {
		return nil, err
	}
	cases := make([][]judge.Case, len(verdicts))
	for i, task := range verdicts {
		cases[i] = task.Cases
	}
	return cases, nil
}

// zipOfPacked is the zip of outputs that are kept with the verdict.
func zipOfPacked(j job.Job) (key string, body []byte, a job.Artifact, err error) {
	outputs, err := unpacked(j)
	if err != nil {
		return "", nil, a, err
	}
	return zipFor(j.ID, job.Standing{Generation: j.Generation, Attempt: j.Result.Attempt}, outputs)
}

// zipPacked stores the zip of outputs that are kept with the verdict, when
// somebody asks for them, and returns its key.
func (d *Dispatcher) zipPacked(ctx context.Context, j job.Job) (key string, err error) {
	key, body, a, err := zipOfPacked(j)
	if err != nil {
		return "", err
	}
	// An earlier request may have stored it; a look costs a tenth of a PUT.
	if _, exists, err := d.Objects.Stat(ctx, key); err != nil || exists {
		return key, err
	}
	return key, d.Objects.Put(ctx, key, body, a)
}

// zipFor is the zip of an attempt's outputs, and where it is kept.
func zipFor(id string, s job.Standing, cases [][]judge.Case) (key string, body []byte, a job.Artifact, err error) {
	if body, err = zipOutputs(cases); err != nil {
		return "", nil, job.Artifact{}, err
	}
	a = job.Artifact{Size: int64(len(body)), SHA256: digest(body)}
	return outputsKey(id, s, a.SHA256), body, a, nil
}

// compressFrom is how long a text is before it is worth compressing: a
// compressor is a megabyte of tables to set up, and a few lines get no shorter.
const compressFrom = 256

// zipOutputs makes one zip of TTCC.stdout and TTCC.stderr. The same outputs make
// the same bytes.
func zipOutputs(cases [][]judge.Case) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, task := range cases {
		for k, c := range task {
			for _, file := range []struct{ kind, text string }{{"stdout", c.Stdout}, {"stderr", c.Stderr}} {
				if err := addFile(w, outputName(i, k, file.kind), file.text); err != nil {
					return nil, fmt.Errorf("zip outputs: %w", err)
				}
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("zip outputs: %w", err)
	}
	return out.Bytes(), nil
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

// addFile adds a text to a zip, as it is if it is short.
func addFile(w *zip.Writer, name, text string) error {
	var f io.Writer
	var err error
	if len(text) < compressFrom {
		f, err = w.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(text)),
			CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
		})
	} else {
		f, err = w.Create(name)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return err
}
