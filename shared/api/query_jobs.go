package api

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/job"
	"runlease/shared/jsoncursor"
)

const (
	// maxQuery is how many jobs one query may ask for.
	maxQuery = 100
	// maxQueryReply in bytes: a function's reply may have 6 MB, in which a body
	// is escaped once more. A hundred jobs of a thousand cases would be more.
	maxQueryReply = 4_000_000
)

type queryReply struct {
	Jobs     []jsontext.Value `json:"jobs"`
	Missing  []string         `json:"missing"`
	Deferred []string         `json:"deferred,omitempty"` // no room: to be asked for again
}

// queryJobs is POST /jobs/query.
func queryJobs(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	raw, is := c.body.elements("ids", maxQuery)
	if !is || len(raw) > maxQuery {
		return refuse(invalidBody, fmt.Sprintf("ids: want a list of at most %d ids", maxQuery)), nil
	}
	ids := make([]string, len(raw))
	for i, one := range raw {
		var is bool
		if ids[i], is = jsoncursor.String(one); !is || !job.ValidID(ids[i]) {
			return refuse(malformedID, fmt.Sprintf("ids[%d]", i), job.IDRule), nil
		}
	}
	if refusal := a.charge(c, (len(ids)-1)/idsPerRequest); refusal != nil {
		return *refusal, nil
	}
	jobs, missing, err := a.dispatch.Query(c.Context(), ids)
	if err != nil {
		return reply{}, err
	}
	found := queryReply{Jobs: make([]jsontext.Value, 0, len(jobs)), Missing: missing}
	size := 0
	for _, j := range jobs {
		data, err := a.newJob(j)
		if err != nil {
			return reply{}, err
		}
		encoded, err := json.Marshal(data, written)
		if err != nil {
			return reply{}, fmt.Errorf("encode job: %w", err)
		}
		if size += len(encoded); size > maxQueryReply && len(found.Jobs) > 0 {
			found.Deferred = append(found.Deferred, j.ID)
			continue
		}
		found.Jobs = append(found.Jobs, encoded)
	}
	return granted("ok", found), nil
}
