package sqsqueue_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/awsclient"
	"runlease/shared/sqsqueue"
)

// transport is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// client is the real client over a transport of the test's.
func client(through transport, options ...func(*sqs.Options)) *sqs.Client {
	cfg, err := awsclient.FromEnv(environment)
	if err != nil {
		panic(err)
	}
	cfg.HTTPClient = &http.Client{Transport: through}
	return sqs.NewFromConfig(cfg, options...)
}

// environment is that of LocalStack on this machine, and of nothing else.
func environment(name string) string {
	return map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
	}[name]
}

// throttled is SQS's answer to too many requests.
func throttled(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusBadRequest,
		Header: http.Header{
			"Content-Type":     {"application/x-amz-json-1.0"},
			"X-Amzn-Errortype": {"com.amazonaws.sqs#RequestThrottled"},
		},
		Body:    io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}`)),
		Request: r,
	}
}

// Throttling that does not end ends in an error, in time.
func TestThrottledForGood(t *testing.T) {
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				c := client(func(r *http.Request) (*http.Response, error) {
					calls.Add(1)
					return throttled(r), nil
				})
				began := time.Now()
				err := operate(t.Context(), sqsqueue.New(c, queueURL, deadLetterURL))
				if err == nil || time.Since(began) > 5*time.Second || calls.Load() < 2 {
					t.Errorf("%v after %v and %d calls; want an error within 5 s, after repetitions", err, time.Since(began), calls.Load())
				}
			})
		})
	}
}

var errLost = errors.New("connection reset by peer")

// lossy sends requests on, but loses the first replies to an action.
func lossy(action string, losses int32) transport {
	var lost atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+action) && lost.Add(1) <= losses {
			res.Body.Close()
			return nil, errLost
		}
		return res, err
	}
}

// throttling sends requests on, but refuses the first ones.
func throttling(refusals int32) transport {
	var refused atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		if refused.Add(1) <= refusals {
			return throttled(r), nil
		}
		return http.DefaultTransport.RoundTrip(r)
	}
}
