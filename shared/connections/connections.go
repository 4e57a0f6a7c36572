// Package connections posts to the connections of a WebSocket API on API Gateway. It
// signs with the SDK's bare signer: a client of the management API would make
// every function that queues a job start more slowly.
package connections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Connections is dispatch.Posts on a stage of a WebSocket API. Its role needs
// execute-api:ManageConnections. It repeats nothing: a runner that was not rung in time
// is rung by the sweep.
type Connections struct {
	credentials aws.CredentialsProvider
	client      aws.HTTPClient
	region      string
	stage       *url.URL
	signer      *v4.Signer

	// Now is the time of signing. New sets it to time.Now.
	Now func() time.Time
}

// New is Connections for the stage at a URL, https://<api>.execute-api.<region>.amazonaws.com/<stage>.
func New(cfg aws.Config, stage string) (*Connections, error) {
	at, err := url.Parse(strings.TrimSuffix(stage, "/"))
	if err != nil || at.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a stage", stage)
	}
	return &Connections{
		credentials: cfg.Credentials, client: cfg.HTTPClient, region: cfg.Region, stage: at,
		signer: v4.NewSigner(), Now: time.Now,
	}, nil
}

// Post sends a message. gone means that there is no such connection.
func (c *Connections) Post(ctx context.Context, connection string, message []byte) (gone bool, err error) {
	return c.call(ctx, http.MethodPost, connection, message)
}

// Close ends a connection. It is no error if the connection is gone.
func (c *Connections) Close(ctx context.Context, connection string) error {
	_, err := c.call(ctx, http.MethodDelete, connection, nil)
	return err
}

// longestReply bounds what is read of a reply, so that its connection can be used again.
const longestReply = 4 << 10

func (c *Connections) call(ctx context.Context, method, connection string, body []byte) (gone bool, err error) {
	at := *c.stage
	at.Path += "/@connections/" + connection
	at.RawPath = c.stage.EscapedPath() + "/@connections/" + strings.ReplaceAll(url.PathEscape(connection), "=", "%3D")
	r, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("post to a connection: %w", err)
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return false, fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "execute-api", c.region, c.Now()); err != nil {
		return false, fmt.Errorf("sign a post: %w", err)
	}
	// A kept connection may have died while the function was frozen: then the request goes again
	// on a new one, and a ring that comes twice does no harm. The key is for the transport and is not sent,
	// so it is not signed.
	r.Header["Idempotency-Key"] = nil
	reply, err := c.client.Do(r)
	if err != nil {
		return false, fmt.Errorf("post to a connection: %w", err)
	}
	defer reply.Body.Close()
	_, _ = io.CopyN(io.Discard, reply.Body, longestReply) // the status is enough
	switch {
	case reply.StatusCode < 300:
		return false, nil
	case reply.StatusCode == http.StatusGone, reply.StatusCode == http.StatusBadRequest: // 400: the id is of no connection
		return true, nil
	}
	return false, fmt.Errorf("post to a connection: API Gateway answered %d", reply.StatusCode)
}
