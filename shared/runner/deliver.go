package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/runner/outputs"
	"runlease/shared/runner/spool"
)

const (
	// A complete body that is larger is sent without outputs. The cap is 3,000,000
	// bytes; what escapes it loses its outputs, not its verdict.
	maxInline = 2_500_000
	// A body that is no larger is let through by firewalls that bound bodies: the
	// common rules of AWS's refuse what is above 8 KB.
	safeBody = 8 << 10
	// After that many refusals of a larger body by a stranger, outputs go another
	// way. A page that answers everything for a while is more likely.
	refusalsOfBody = 3
)

// deliver reports a result, big outputs by way of storage, for as long as
// patience allows. nil: accepted. Else react reports whether it can still be.
func (c *Client) deliver(ctx context.Context, r spool.Result, patience time.Duration) error {
	body, err := json.Marshal(complete{Token: r.Token, Tasks: r.Tasks})
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if len(body) <= maxInline && r.Packed == "" {
		refusals := 0
		err = repeat(ctx, patience, func() error {
			err := c.complete(ctx, r.JobID, body)
			refused, large := refusedBody(err)
			if refused && len(body) > safeBody {
				refusals++
			}
			if large || refusals >= refusalsOfBody || refusals > 0 && patience == 0 {
				return &replyError{Status: 413, Message: err.Error()}
			}
			return err
		})
		if reply, ok := errors.AsType[*replyError](err); !ok || reply.Status != 413 {
			return err
		}
	}
	short := complete{Token: r.Token, Tasks: outputs.Without(r.Tasks)}
	if short.Outputs, err = c.keepOutputs(ctx, r, patience); react(err) != goOn && react(err) != drop {
		return err
	}
	for {
		if body, err = json.Marshal(short); err != nil {
			return fmt.Errorf("encode result: %w", err)
		}
		err = repeat(ctx, patience, func() error { return c.complete(ctx, r.JobID, body) })
		if react(err) != drop || short.Outputs == nil {
			return err
		}
		short.Outputs = nil // perhaps it was them
	}
}

// keepOutputs stores the outputs of a result; nil without an error: not wanted.
// Outputs that cannot be stored are returned anyway: a result that names them
// reads as one whose outputs are missing, not as one without.
func (c *Client) keepOutputs(ctx context.Context, r spool.Result, patience time.Duration) (*uploaded, error) {
	packed, err := packOutputs(r)
	if err != nil {
		return nil, err
	}
	defer packed.close()
	if packed.Size() > casefile.MaxOutputs {
		slog.WarnContext(ctx, "outputs are too large to be kept", slog.String("job_id", r.JobID), slog.Int64("bytes", packed.Size()))
		return &uploaded{SHA256: packed.sha256, Size: casefile.MaxOutputs}, nil
	}
	o := &uploaded{SHA256: packed.sha256, Size: packed.Size()}
	wanted := true
	err = repeat(ctx, patience, func() error {
		to, err := c.outputs(ctx, r.JobID, r.Token, *o)
		if wanted = err != nil || to != nil; err != nil || !wanted {
			return err
		}
		err = c.send(ctx, *to, io.NewSectionReader(packed, 0, packed.Size()))
		// Before its time: the clock was set meanwhile.
		if age := time.Since(r.Since); err != nil && (age > outputsPatience || age < -time.Minute) {
			return &replyError{Storage: true, Message: err.Error()} // dropped
		}
		if err != nil {
			// Not as a reply: also after a refusal, since the URL may have expired
			// and the next one is new.
			return errors.New("upload outputs: " + err.Error())
		}
		return nil
	})
	if react(err) == drop {
		slog.WarnContext(ctx, "outputs are not kept", slog.String("job_id", r.JobID), slog.Any("error", err))
	}
	if !wanted {
		return nil, err
	}
	return o, err
}
