package dispatch

import (
	"context"
	"fmt"
	"io"

	"runlease/shared/casefile"
	"runlease/shared/job"
	"runlease/shared/language"
	"runlease/shared/problem"
)

// Submissions and test data are looked into before a runner gets them. A zip stays
// where it is: only its directory is read, by ranges.

// lookAtCode returns why a submission cannot be judged, or OK if nothing is wrong with
// its zip.
func lookAtCode(r io.ReaderAt, size int64, l job.Language) (Answer, error) {
	err := language.CheckCode(r, size, int(l))
	if why, is := language.Fault(err); is {
		return Answer{Outcome: InvalidCode, Detail: why}, nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("look at code: %w", err)
	}
	return granted, nil
}

// codeUploaded checks code that has been uploaded.
func (d *Dispatcher) codeUploaded(ctx context.Context, j job.Job) (Answer, error) {
	key := codeKey(j.ID, j.Code.SHA256)
	answer, err := d.uploaded(ctx, key, j.Code, "code")
	if err != nil || !answer.OK() {
		return answer, err
	}
	return lookAtCode(d.reader(ctx, key, j.Code.Size), j.Code.Size, j.Language)
}

// testdataUploaded checks a problem's test data against its tasks, and keeps it
// for good if nothing is wrong with it.
func (d *Dispatcher) testdataUploaded(ctx context.Context, id int, c problem.Content) (Answer, error) {
	if c.Testdata == (job.Artifact{}) {
		found := casefile.Findings{List: []casefile.Finding{{Message: fmt.Sprintf("the problem has no test data, and its checker %s must be in them: upload a zip", c.Want().Checker)}}}
		return Answer{Outcome: InvalidTestdata, Detail: found.String(), Findings: &found}, nil
	}
	key := testdataKey(id, c.Testdata.SHA256)
	answer, err := d.uploaded(ctx, key, c.Testdata, "testdata")
	if err != nil || !answer.OK() {
		return answer, err
	}
	found, err := casefile.Check(d.reader(ctx, key, c.Testdata.Size), c.Testdata.Size, c.Want())
	if err != nil {
		return Answer{}, fmt.Errorf("look at test data: %w", err)
	}
	if len(found.List) > 0 {
		return Answer{Outcome: InvalidTestdata, Detail: found.String(), Findings: &found}, nil
	}
	kept, err := d.Objects.Keep(ctx, key)
	if err == nil && !kept { // its days were over this moment
		return Answer{Outcome: UploadMissing, Detail: "testdata"}, nil
	}
	return granted, err
}

// reader reads an object of size bytes. It ends where the object does: Read of
// Objects fails for a range that is not there whole.
func (d *Dispatcher) reader(ctx context.Context, key string, size int64) io.ReaderAt {
	return io.NewSectionReader(object{ctx, d.Objects, key}, 0, size)
}

// object is an object that is there, by ranges that are in it.
type object struct {
	ctx     context.Context //nolint:containedctx // io.ReaderAt takes none
	objects Objects
	key     string
}

func (o object) ReadAt(p []byte, off int64) (int, error) {
	part, err := o.objects.Read(o.ctx, o.key, off, len(p))
	return copy(p, part), err
}
