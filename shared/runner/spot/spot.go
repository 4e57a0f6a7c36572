// Package spot hears that an EC2 instance is about to go: it asks the instance's
// metadata service (IMDSv2 alone) for a spot notice, and whether the auto scaling group
// is about to terminate the instance. A recommendation to rebalance is no notice:
// the group that follows it says so by terminating.
package spot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Every is how often it asks. A spot notice comes two minutes before the end.
const Every = 5 * time.Second

// askTimeout bounds a question. The service answers within milliseconds, or is not there.
const askTimeout = 2 * time.Second

// Notice is what is about to happen to the instance.
type Notice struct {
	What string
	By   time.Time // the zero Time: it is not known when
}

// Watch asks the metadata service at a URL.
type Watch struct {
	client *imds.Client
	log    *slog.Logger
	every  time.Duration
}

// New returns a Watch; "" is the service's usual address. It asks nothing yet, and never
// by way of a proxy.
func New(endpoint string, log *slog.Logger) *Watch {
	return &Watch{log: log, every: Every, client: imds.New(imds.Options{
		Endpoint: endpoint, EnableFallback: aws.FalseTernary, Retryer: aws.NopRetryer{}, ClientEnableState: imds.ClientEnabled,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: askTimeout},
	})}
}

// Await returns the first notice, or why ctx ended before. A service that does not
// answer is asked again, and the log says so once.
func (w *Watch) Await(ctx context.Context) (Notice, error) {
	away := false
	for {
		n, found, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return Notice{}, context.Cause(ctx)
		case err != nil && !away:
			w.log.WarnContext(ctx, "the metadata service does not answer: is this an EC2 instance, and may the runner reach it?", slog.Any("error", err))
		case found:
			return n, nil
		}
		away = err != nil
		select {
		case <-time.After(w.every):
		case <-ctx.Done():
			return Notice{}, context.Cause(ctx)
		}
	}
}

// look asks once.
func (w *Watch) look(ctx context.Context) (n Notice, found bool, err error) {
	text, found, err := w.get(ctx, "spot/instance-action")
	if err != nil {
		return n, false, err
	}
	if found {
		var action struct {
			Action string    `json:"action"`
			Time   time.Time `json:"time"`
		}
		// Whatever it is, the instance goes; without a time, in two minutes at most.
		if err := json.Unmarshal(text, &action); err != nil || action.Time.IsZero() {
			action.Time = time.Now().Add(2*time.Minute - Every)
		}
		return Notice{"spot " + action.Action, action.Time}, true, nil
	}
	text, found, err = w.get(ctx, "autoscaling/target-lifecycle-state")
	return Notice{What: "terminated by its auto scaling group"}, found && strings.TrimSpace(string(text)) == "Terminated", err
}

// get reads a piece of metadata; it returns false if there is none.
func (w *Watch) get(ctx context.Context, path string) (text []byte, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	out, err := w.client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if reply, is := errors.AsType[*smithyhttp.ResponseError](err); is && reply.HTTPStatusCode() == http.StatusNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("ask the metadata service: %w", err)
	}
	defer func() { _ = out.Content.Close() }()
	text, err = io.ReadAll(io.LimitReader(out.Content, 4<<10))
	return text, err == nil, err
}
