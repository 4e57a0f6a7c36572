package announce

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// MaxEndpoints is how many a deployment may have: each is called for every job.
const MaxEndpoints = 10

// Overlap is how long the secret before a rotation signs beside the new one.
const Overlap = 24 * time.Hour

// Endpoint is where announcements go.
type Endpoint struct {
	ID        string // wh_ and 8 hex digits
	URL       string
	Secret    string    // whsec_ and base64, as every library of the specification takes it
	Former    string    // the secret before the last rotation
	FormerEnd time.Time // when Former signs no more
	CreatedAt time.Time
	Revision  int64 // +1 with every write
}

// NewEndpoint makes an endpoint with a fresh id and secret.
func NewEndpoint(url string, now time.Time) Endpoint {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	return Endpoint{ID: "wh_" + hex.EncodeToString(id), URL: url, Secret: newSecret(), CreatedAt: now.UTC(), Revision: 1}
}

// Rotated is e with a fresh secret. Both sign until Overlap is over.
func (e Endpoint) Rotated(now time.Time) Endpoint {
	e.Former, e.FormerEnd = e.Secret, now.Add(Overlap).UTC()
	e.Secret = newSecret()
	e.Revision++
	return e
}

func newSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(secret)
}

// sign writes the three headers of the specification: one signature, or two while
// a secret is rotated.
func (e Endpoint) sign(h http.Header, m message, now time.Time) error {
	secrets := []string{e.Secret}
	if e.Former != "" && now.Before(e.FormerEnd) {
		secrets = append(secrets, e.Former)
	}
	var signatures []string
	for _, secret := range secrets {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return errors.New("the endpoint's secret is no base64: rotate it") // err may quote it
		}
		signature, err := w.Sign(m.id, now, m.body)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	h.Set(standardwebhooks.HeaderWebhookID, m.id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// Endpoints keeps the endpoints of a deployment.
type Endpoints interface {
	// Endpoints lists all, in the order of their ids.
	Endpoints(ctx context.Context) ([]Endpoint, error)
	// PutEndpoint writes one on the condition that the stored Revision is one less
	// than its own (0: none is stored); false if another has written.
	PutEndpoint(ctx context.Context, e Endpoint) (bool, error)
	// RemoveEndpoint removes one; it returns false if there is none.
	RemoveEndpoint(ctx context.Context, id string) (bool, error)
}
