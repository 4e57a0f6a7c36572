package function

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"runlease/shared/announce"
	"runlease/shared/job"
)

// Announcements is where webhooks and their letters are kept, and where they may go.
type Announcements struct {
	WebhooksTable string `env:"RUNLEASE_WEBHOOKS_TABLE,required,notEmpty"`
	OutboxURL     string `env:"RUNLEASE_ANNOUNCEMENT_QUEUE_URL,required,notEmpty"`
	GraveyardURL  string `env:"RUNLEASE_DEAD_ANNOUNCEMENT_QUEUE_URL,required,notEmpty"`
	WebhookHosts  string `env:"RUNLEASE_WEBHOOK_HOSTS"`
}

// Policy is where webhooks may go.
func (a Announcements) Policy() announce.Policy {
	return announce.Policy{Hosts: announce.HostsIn(a.WebhookHosts)}
}

// Announce returns the handler of the jobs table's stream, and of the schedule, which
// has the outbox drained. It never fails for a record or for an endpoint: a record
// that cannot be read is logged and passed over, since a failed record holds up all
// records behind it. It fails if what was not delivered could not be kept either; then the
// stream brings the records again.
func Announce(a *announce.Announcer, read func(image []byte) (job.Job, error)) lambda.Handler {
	return announcer{a, read}
}

type announcer struct {
	*announce.Announcer
	read func(image []byte) (job.Job, error)
}

// records is what a stream's event has; that of a schedule has none.
type records struct {
	Records []struct {
		DynamoDB struct {
			OldImage, NewImage json.RawMessage
		} `json:"dynamodb"`
	}
}

// drainMargin is left of a function's time when it stops draining.
const drainMargin = 5 * time.Second

// Invoke is for lambda.Handler.
func (a announcer) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var in records
	if err := json.Unmarshal(event, &in); err != nil {
		slog.ErrorContext(ctx, "event not understood", "error", err)
		return []byte("null"), nil
	}
	if len(in.Records) == 0 {
		return []byte("null"), a.drain(ctx)
	}
	var final []job.Job
	for _, r := range in.Records {
		before, err := a.read(r.DynamoDB.OldImage)
		if err == nil {
			var after job.Job
			if after, err = a.read(r.DynamoDB.NewImage); err == nil && announce.Step(before, after) {
				final = append(final, after)
			}
		}
		if err != nil {
			slog.ErrorContext(ctx, "record of the stream not understood", "error", err)
		}
	}
	if len(final) == 0 {
		return []byte("null"), nil
	}
	if err := a.Announce(ctx, final); err != nil {
		slog.ErrorContext(ctx, "jobs neither announced nor kept for later", "jobs", len(final), "error", err)
		return nil, fmt.Errorf("announce: %w", err)
	}
	return []byte("null"), nil
}

func (a announcer) drain(ctx context.Context) error {
	if deadline, known := ctx.Deadline(); known {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-drainMargin))
		defer cancel()
	}
	drained, err := a.Drain(ctx)
	if drained != (announce.Drained{}) {
		slog.InfoContext(ctx, "announcements drained", "delivered", drained.Delivered, "failed", drained.Failed, "dropped", drained.Dropped, "given_up", drained.Buried)
	}
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, "announcements not drained", "error", err)
		return fmt.Errorf("drain announcements: %w", err)
	}
	return nil
}
