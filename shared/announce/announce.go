// Package announce tells backends that a job became final, by webhooks as the
// Standard Webhooks specification has them (https://www.standardwebhooks.com).
//
// An announcement follows from a job's step from a state that is not final to a
// final one. A stream of changes shows the step, so no use case has to remember it.
// Delivery is at least once and in no promised order: at once, then with growing
// pauses for three days; then the announcement is a dead letter. What waits in the
// outbox is a Letter, which names the job and holds nothing of it: the job is read
// again before a retry, so what is no longer true is not announced. Nothing here
// changes a job.
package announce

import (
	"encoding/json"
	"fmt"
	"time"

	"runlease/shared/job"
)

// The types of messages.
const (
	TypeFinal = "job.final"
	TypeTest  = "webhook.test" // sent on request, to try an endpoint
)

// Step reports whether a change of a job is to be announced: it was not final
// and is now. Evidence that is noted with a final job, and a rejudge, are not.
func Step(before, after job.Job) bool { return !before.Final() && after.Final() }

// message is what an endpoint gets.
type message struct {
	id   string // the same for every delivery of one announcement
	body []byte
}

// content is the body of a message.
type content struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"` // when it happened
	Data      json.RawMessage `json:"data"`
}

func newMessage(id, kind string, at time.Time, data []byte) (message, error) {
	body, err := json.Marshal(content{kind, at.UTC(), data})
	if err != nil {
		return message{}, fmt.Errorf("encode message: %w", err)
	}
	return message{id, body}, nil
}

// final is the message about a final job; data is it as GET /jobs/{id} shows it.
func final(j job.Job, data []byte) (message, error) {
	return newMessage(fmt.Sprintf("%s-%d", j.ID, j.Generation), TypeFinal, j.EndedAt.Std(), data)
}
