package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// call is a request on its way through: routed, then authenticated, then read.
type call struct {
	*http.Request
	route  Route
	id     string   // of the job or the runner in the path; checked
	number int      // of the problem in the path; checked
	runner string   // the caller on a runner route
	pools  []string // that it may serve
	sender string   // the caller on a producer route; for the log
	body   *fields
	entry  *entry
	key    callerKey // the caller, as its rate counts it
}

// serve finds the request's route among routes and answers. Every reply, and
// every panic, leaves through here: with a request id and one line in the log.
func (a *API) serve(w http.ResponseWriter, r *http.Request, routes []Route) {
	started := time.Now()
	r = identified(r)
	c := &call{Request: r, entry: &entry{}}
	answer, err := a.answer(c, routes)
	if err != nil {
		answer = refuse(internalError)
	}
	status, err2 := answer.write(w, r)
	a.record(c, status, answer.outcome, time.Since(started), errors.Join(err, err2))
}

// answer checks in the order of the wire contract: route and method, credential
// and runner name, how often this caller asks, ids and body, then the job.
func (a *API) answer(c *call, routes []Route) (answer reply, err error) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			panic(cause)
		default:
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	route, id, found := find(routes, c.Request)
	if !found {
		return unrouted(c.Request), nil
	}
	c.route = route
	refusal, err := a.authenticate(c)
	if err != nil {
		return reply{}, err
	}
	if refusal == nil {
		refusal = a.admit(c)
	}
	if refusal == nil {
		refusal = c.takeID(id)
	}
	if refusal == nil {
		refusal = c.readBody()
	}
	if refusal == nil && c.body != nil {
		c.body.only(route.Fields...)
		refusal = c.body.refusal()
	}
	if refusal != nil {
		return *refusal, nil
	}
	return route.serve(a, c)
}
