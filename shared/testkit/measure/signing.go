package measure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"runlease/shared/dispatch"
	"runlease/shared/s3artifact/presign"
)

// notedURLs is a function's presigner. It notes what it signs, since signing a
// URL is a call of the SDK as well, of its bare signer, if none that goes out.
type notedURLs struct {
	*presign.Presigner
	tap *wiretap
}

// signing is a download that was signed, as a request without its signature.
type signing struct{ request *http.Request }

// GetURL is for dispatch.URLs.
func (u notedURLs) GetURL(ctx context.Context, key, filename string) (string, error) {
	signed, err := u.Presigner.GetURL(ctx, key, filename)
	if err == nil && u.tap.mode == recording {
		u.tap.note(signing{unsigned(signed)})
	}
	return signed, err
}

var _ dispatch.URLs = notedURLs{}

// unsigned is the request that a presigned URL is for, without what the signer added.
func unsigned(signed string) *http.Request {
	at, err := url.Parse(signed)
	if err != nil {
		panic(err) // it is ours
	}
	query := at.Query()
	for name := range query {
		if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Expires" {
			query.Del(name)
		}
	}
	at.RawQuery = query.Encode()
	return &http.Request{Method: http.MethodGet, URL: at, Host: at.Host}
}

// again signs it again.
func (s signing) again(cfg aws.Config, now func() time.Time) func(context.Context) error {
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return func(ctx context.Context) error {
		credentials, err := cfg.Credentials.Retrieve(ctx)
		if err != nil {
			return fmt.Errorf("get credentials: %w", err)
		}
		_, _, err = signer.PresignHTTP(ctx, credentials, s.request, "UNSIGNED-PAYLOAD", "s3", cfg.Region, now())
		return err
	}
}
