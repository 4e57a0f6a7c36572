package api

import (
	"math"

	"runlease/shared/auth"
)

type uploadReply struct {
	Upload *uploadData `json:"upload"`
}

// uploadOutputs is POST /runner/jobs/{id}/outputs.
func uploadOutputs(a *API, c *call) (reply, error) {
	token, refusal := c.bodyToken()
	if refusal != nil {
		return *refusal, nil
	}
	outputs := c.body.artifact(math.MaxInt64)
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	upload, answer, err := a.dispatch.UploadOutputs(c.Context(), c.id, c.runner, auth.Hash(token), outputs)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", uploadReply{newUpload(&upload)}), nil
}

// bodyToken is the claim token where a route wants it in the body.
func (c *call) bodyToken() (string, *reply) {
	if c.body == nil {
		return "", new(refuse(missingBody))
	}
	token := c.body.text("token")
	if token == "" && c.body.fault == nil {
		return "", new(refuse(missingToken))
	}
	return token, c.body.refusal()
}
