// Package awsclient makes the aws.Config of a function straight from the
// environment that Lambda gives it. It leaves out the SDK's chain of profiles,
// files and metadata services: a function does not need them, and loading them
// costs CPU at every cold start.
package awsclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

const (
	// firstByte is how long one attempt waits for a reply that usually takes
	// 10 ms: a lost one leaves time for another attempt within the 5 s that the
	// adapters give an operation.
	firstByte = 2 * time.Second
	// attempts and longestBackoff keep the waits between attempts well below those 5 s.
	attempts       = 4
	longestBackoff = 500 * time.Millisecond
)

// FromEnv makes a configuration from the environment, which getenv (os.Getenv)
// reads:
//
//   - AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required; an
//     error names the missing one
//   - AWS_SESSION_TOKEN comes with temporary credentials. Lambda replaces an
//     environment before its credentials expire, so they are read once
//   - AWS_ENDPOINT_URL sends every client to an emulator, AWS_ENDPOINT_URL_S3
//     (or _DYNAMODB, _SQS) one of them elsewhere
func FromEnv(getenv func(string) string) (aws.Config, error) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if getenv(name) == "" {
			return aws.Config{}, fmt.Errorf("environment variable %s is missing", name)
		}
	}
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	cfg := aws.Config{
		Region: getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials, nil
		}),
		HTTPClient: &http.Client{
			Transport: Transport(),
			// AWS redirects nothing but S3 requests of the wrong region, and
			// those the SDK wants to see.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Retryer:       Retryer,
		ConfigSources: []any{endpoints{getenv}},
	}
	if url := getenv("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = &url
	}
	return cfg, nil
}

// Retryer returns the SDK's standard retryer (throttling, 5xx, lost
// connections; a token bucket against storms) with waits that fit an operation.
func Retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = longestBackoff
	})
}

// Transport returns an HTTP transport that gives up early, keeps its
// connections and resumes TLS sessions, also after a frozen function has lost
// them.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   2 * time.Second,
		ResponseHeaderTimeout: firstByte,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(16),
		},
	}
}

// endpoints tells a service's client its own endpoint; the SDK looks for this
// method among the ConfigSources.
type endpoints struct{ getenv func(string) string }

// GetServiceBaseEndpoint answers with AWS_ENDPOINT_URL_<SERVICE>, if it is set.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	name := map[string]string{"S3": "AWS_ENDPOINT_URL_S3", "DynamoDB": "AWS_ENDPOINT_URL_DYNAMODB", "SQS": "AWS_ENDPOINT_URL_SQS"}[sdkID]
	if name == "" {
		return "", false, nil
	}
	url := e.getenv(name)
	return url, url != "", nil
}
