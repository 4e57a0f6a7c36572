package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Download is where to get bytes, for URLLife, and what they must be; or, of short
// code, the bytes.
type Download struct {
	URL      string // empty: Bytes are there
	Bytes    []byte
	Name     string // of the file
	Artifact job.Artifact
}

// Code gives the holder of a job its code. tokenHash is empty if the runner
// sent no claim token. asURL: it wants to know where the code is, so code that is
// in the store is put where a URL leads to. Refused with NotFound, NotClaimed,
// InvalidToken or CodeNotFound.
func (d *Dispatcher) Code(ctx context.Context, id, runner, tokenHash string, asURL bool) (Download, Answer, error) {
	j, answer, err := d.held(ctx, id, runner, tokenHash)
	if err != nil || !answer.OK() {
		return Download{}, answer, err
	}
	if j.Code.SHA256 == "" {
		return Download{}, Answer{Outcome: CodeNotFound}, nil
	}
	key := codeKey(j.ID, j.Code.SHA256)
	if j.CodeInline {
		codes, err := d.codesOf(ctx, j)
		if err != nil {
			return Download{}, Answer{}, err
		}
		zip := codes[j.ID].Zip
		switch {
		case zip == nil:
			return Download{}, Answer{Outcome: CodeNotFound}, nil
		case !asURL:
			return Download{Bytes: zip, Name: codeName(j.ID), Artifact: j.Code}, granted, nil
		}
		if err := d.Objects.Put(ctx, key, zip, j.Code); err != nil {
			return Download{}, Answer{}, err
		}
	}
	return d.download(ctx, key, codeName(j.ID), j.Code)
}

// Testdata gives the holder of a job the test data of the pinned version.
// Refused like Code, or with TestdataNotFound.
func (d *Dispatcher) Testdata(ctx context.Context, id, runner, tokenHash string) (Download, Answer, error) {
	j, answer, err := d.held(ctx, id, runner, tokenHash)
	if err != nil || !answer.OK() {
		return Download{}, answer, err
	}
	content, err := d.version(ctx, j.Problem, j.Claim.ProblemVersion)
	if err != nil {
		return Download{}, Answer{}, err
	}
	if content.Testdata.SHA256 == "" {
		return Download{}, Answer{Outcome: TestdataNotFound}, nil
	}
	return d.download(ctx, testdataKey(j.Problem, content.Testdata.SHA256), testdataName(j.Problem), content.Testdata)
}

// Outputs gives the zip of the case outputs of an accepted result. Refused with
// NotFound or OutputsNotFound.
func (d *Dispatcher) Outputs(ctx context.Context, id string) (Download, Answer, error) {
	j, found, err := d.Store.Get(ctx, id)
	switch {
	case err != nil:
		return Download{}, Answer{}, err
	case !found:
		return Download{}, notFound, nil
	case j.Result == nil || !j.Result.HasOutputs():
		return Download{}, Answer{Outcome: OutputsNotFound}, nil
	}
	key := j.Result.Outputs
	if len(j.Result.Packed) > 0 {
		if key, err = d.zipPacked(ctx, j); err != nil {
			return Download{}, Answer{}, err
		}
	}
	return d.download(ctx, key, outputsName(j.ID), job.Artifact{})
}

func (d *Dispatcher) download(ctx context.Context, key, name string, a job.Artifact) (Download, Answer, error) {
	url, err := d.URLs.GetURL(ctx, key, name)
	if err != nil {
		return Download{}, Answer{}, err
	}
	return Download{URL: url, Name: name, Artifact: a}, granted, nil
}
