package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/jsoncursor"
	"runlease/shared/language"
)

type createReply struct {
	jobData
	Upload *uploadData `json:"upload"`
}

// createJob is POST /jobs.
func createJob(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	r := dispatch.CreateRequest{CreateOp: job.CreateOp{ID: c.body.text("submissionId"), Group: c.body.text("group")}}
	switch {
	case c.body.has("submissionId") && !job.ValidID(r.ID):
		return refuse(malformedID, "submissionId", job.IDRule), nil
	case c.body.has("group") && !job.ValidID(r.Group):
		return refuse(malformedID, "group", job.IDRule), nil
	case r.ID == "":
		c.body.fail("submissionId", "missing")
	}
	r.Problem = int(c.body.integer("problemId", 1, math.MaxInt32))
	r.Language = c.body.language()
	r.PoolName = c.body.pool()
	r.Code, r.Inline = c.body.code()
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	c.entry.jobID = r.ID
	created, answer, err := a.dispatch.Create(c.Context(), r)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	data, err := a.newJob(created.Job)
	if err != nil {
		return reply{}, err
	}
	done := granted("submission exists", createReply{data, newUpload(created.Upload)})
	if created.New {
		done.status, done.message = http.StatusCreated, "submission created"
	}
	return done, nil
}

// code reads the field code: a base64 string with the zip itself, or its size
// and hash, and then inline is nil.
func (f *fields) code() (a job.Artifact, inline []byte) {
	const want = "want a base64 string, or an object with size and sha256"
	switch {
	case !f.has("code"):
		f.fail("code", "missing")
	case f.raw("code")[0] == '{':
		return f.artifactIn("code", language.MaxZip), nil
	default:
		text, is := jsoncursor.String(f.raw("code"))
		if !is {
			f.fail("code", want)
			return a, nil
		}
		zip, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil:
			f.fail("code", want)
		case len(zip) == 0 || len(zip) > language.MaxInline:
			f.fail("code", fmt.Sprintf("want 1 to %d bytes, upload what is larger", language.MaxInline))
		}
		sum := sha256.Sum256(zip)
		return job.Artifact{Size: int64(len(zip)), SHA256: hex.EncodeToString(sum[:])}, zip
	}
	return a, nil
}
