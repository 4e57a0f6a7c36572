package api

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
	"runlease/shared/job"
	"runlease/shared/jsoncursor"
)

// The bounds of a sync. A runner has at most ten slots; it reports what has
// ended in them and keeps what still runs. Ten is also what SQS takes in one
// batch: all deletions of a call are one request, and so are all hidings. Who
// has more to say, results that were kept through an outage say, says it in
// several calls.
const (
	maxSlots  = 10
	maxDone   = 10
	maxActive = 10
)

type syncData struct {
	Done             []doneData   `json:"done"`   // in the order of the request
	Active           []activeData `json:"active"` // the same
	Jobs             []claimData  `json:"jobs"`
	PollSeconds      int          `json:"pollSeconds"`
	HeartbeatSeconds int          `json:"heartbeatSeconds"`
	Doorbell         string       `json:"doorbell,omitzero"` // URL of the WebSocket
	Seat             int64        `json:"seat,omitzero"`     // where the runner waits for a ring
	Barred           job.Why      `json:"barred,omitzero"`   // why the runner gets no jobs, whatever waits
	Paused           *pauseData   `json:"paused,omitzero"`   // none of its pools gives out jobs
}

type doneData struct {
	SubmissionID *string     `json:"submissionId"` // null: what was sent cannot be one
	Code         job.Outcome `json:"code"`         // ok, or that of the refusal
	Message      string      `json:"message"`      // of complete-job
}

type activeData struct {
	SubmissionID *string         `json:"submissionId"` // as in doneData
	Action       dispatch.Action `json:"action"`
}

// syncRunner is POST /runner/sync. What is wrong with an item is answered in its
// place; the call fails only for what concerns it as a whole.
func syncRunner(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	slots := int(c.body.integer("slots", 0, maxSlots))
	done := c.body.list("done", maxDone)
	active := c.body.list("active", maxActive)
	pools := c.body.pools(c.pools)
	checkers, inline, rung := c.body.flag("checkers"), c.body.flag("inline"), c.body.flag("rung")
	languages := c.body.languages()
	var seat int64
	if c.body.has("seat") {
		seat = c.body.integer("seat", 0, doorbell.MaxSeat)
	}
	lease, refusal := askedLease(c.body)
	if refusal == nil {
		refusal = c.body.refusal()
	}
	if refusal != nil {
		return *refusal, nil
	}

	if refusal := a.charge(c, (len(done)+len(active)-1)/idsPerRequest); refusal != nil {
		return *refusal, nil
	}

	request := dispatch.SyncRequest{Runner: c.runner, Version: c.UserAgent(), Slots: slots, LeaseSeconds: lease, Pools: pools, Languages: languages, Checkers: checkers, Inline: inline, Seat: seat, Rung: rung, Credential: auth.IDOf(c.key.credential)}
	data := syncData{Done: make([]doneData, len(done)), Active: make([]activeData, len(active))}
	var takenDone, takenActive []int // where the items of the request stand in the reply
	for i, raw := range done {
		id, completion, refusal := doneItem(raw)
		data.Done[i].SubmissionID = id
		if refusal != nil {
			data.Done[i].Code, data.Done[i].Message = refusal.outcome, refusal.message
			continue
		}
		request.Done = append(request.Done, completion)
		takenDone = append(takenDone, i)
	}
	for i, raw := range active {
		id, claim, legal := activeItem(raw)
		data.Active[i] = activeData{id, dispatch.ActionLost}
		if legal {
			request.Active = append(request.Active, claim)
			takenActive = append(takenActive, i)
		}
	}

	synced, answer, err := a.dispatch.Sync(c.Context(), request)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	for i, answer := range synced.Done {
		result := completed(request.Done[i].ID)
		result.outcome = job.OK
		if !answer.OK() {
			result = refuse(answer.Outcome, answer.Detail)
		}
		at := &data.Done[takenDone[i]]
		at.Code, at.Message = result.outcome, result.message
	}
	for i, action := range synced.Active {
		data.Active[takenActive[i]].Action = action
	}
	data.Jobs = make([]claimData, len(synced.Jobs))
	for i, claimed := range synced.Jobs {
		data.Jobs[i] = claimReply(claimed)
	}
	data.PollSeconds, data.HeartbeatSeconds = synced.PollSeconds, synced.HeartbeatSeconds
	data.Doorbell, data.Seat, data.Barred = a.doorbell(c.Request), synced.Seat, synced.Barred
	data.Paused = newPause(synced.Paused)
	c.entry.synced(data, synced)

	said := granted("ok", data)
	said.header = http.Header{"Retry-After": {strconv.Itoa(synced.PollSeconds)}}
	return said, nil
}

// doneItem reads a result as complete-job does, in the same order: id, then body.
func doneItem(raw jsontext.Value) (id *string, request dispatch.CompleteRequest, refusal *reply) {
	item, fault := readFields(raw, "")
	if fault != nil {
		return nil, request, new(refuse(invalidBody, fault.Error()))
	}
	id, legal := item.submission()
	if !legal {
		return id, request, new(refuse(malformedID, job.IDRule))
	}
	request, refusal = completion(*id, item)
	return id, request, refusal
}

// activeItem reads a claim to keep. It must have its token: a runner without it holds
// nothing.
func activeItem(raw jsontext.Value) (id *string, claim dispatch.ActiveClaim, legal bool) {
	item, fault := readFields(raw, "")
	if fault != nil {
		return nil, claim, false
	}
	id, legal = item.submission()
	token := item.text("token")
	if !legal || token == "" {
		return id, claim, false
	}
	return id, dispatch.ActiveClaim{ID: *id, TokenHash: auth.Hash(token)}, true
}

// submission reads an item's id. An illegal id comes back too, so that the runner finds
// its item, unless it is no short text.
func (f *fields) submission() (id *string, legal bool) {
	said, is := jsoncursor.String(f.raw("submissionId"))
	if !is || len(said) > 64 {
		return nil, false
	}
	return &said, job.ValidID(said)
}
