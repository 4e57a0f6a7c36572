package api

import (
	"errors"
	"net/http"

	"runlease/shared/auth"
	"runlease/shared/deployment"
)

// The headers that identify the caller.
const (
	headerRunnerToken = "X-Runner-Token"
	headerRunnerName  = "X-Runner-Name"
	headerClaimToken  = "X-Claim-Token" //nolint:gosec // the name of a header, no credential
)

// authenticate checks the caller's credential, then a runner's name.
func (a *API) authenticate(c *call) (*reply, error) {
	var err error
	if c.route.Caller == Runner {
		c.runner, c.pools, err = a.auth.Runner(c.Context(), c.Header.Get(headerRunnerToken), c.Header.Get(headerRunnerName))
	} else {
		c.sender, err = a.auth.Producer(c.Context(), auth.Bearer(c.Header.Get("Authorization")), c.route.Scope)
	}
	var refused reply
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, auth.ErrToken) && c.route.Caller == Runner:
		refused = refuse(invalidRunnerToken)
	case errors.Is(err, auth.ErrToken):
		refused = refuse(invalidProducerToken)
		refused.header = http.Header{"Www-Authenticate": {"Bearer"}}
	case errors.Is(err, auth.ErrRunnerName):
		refused = refuse(missingRunnerName)
		if c.Header.Get(headerRunnerName) != "" {
			refused = refuse(missingRunnerName, headerRunnerName+" is ill-formed", auth.NameRule)
		}
	case errors.Is(err, auth.ErrRunnerMismatch):
		refused = refuse(runnerNameMismatch)
	case errors.Is(err, auth.ErrScope):
		refused = refuse(missingScope, c.route.Scope)
	default:
		return nil, err
	}
	if !errors.Is(err, auth.ErrRunnerName) {
		a.dispatch.Measure(c.Context(), deployment.RefusedTokens, "", 1)
	}
	c.entry.refusal = err.Error() // which kind of fault: for the log only
	return &refused, nil
}

// claimToken is the hash of the claim token where a route takes it as a header;
// "" if the runner sent none.
func (c *call) claimToken() string {
	token := c.Header.Get(headerClaimToken)
	if token == "" {
		return ""
	}
	return auth.Hash(token)
}
