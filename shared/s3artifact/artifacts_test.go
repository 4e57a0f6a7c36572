package s3artifact_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/testkit/hang"
)

var _ dispatch.Artifacts = (*s3artifact.Artifacts)(nil)

// transport is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// local is the configuration for LocalStack on this machine, and nothing else.
func local(through transport) aws.Config {
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{
			"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
			"AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
		}[name]
	})
	if err != nil {
		panic(err)
	}
	cfg.HTTPClient = &http.Client{Transport: through}
	return cfg
}

func client(through transport) *s3.Client {
	return s3artifact.NewClient(local(through))
}

func artifacts(t *testing.T, through transport, bucket string) *s3artifact.Artifacts {
	t.Helper()
	urls, err := presign.New(local(through), bucket, "")
	if err != nil {
		t.Fatal(err)
	}
	return s3artifact.New(client(through), urls, bucket)
}

func measure(body []byte) job.Artifact {
	sum := sha256.Sum256(body)
	return job.Artifact{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

func answer(r *http.Request, status int, headers ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r, ContentLength: -1}
	for i := 0; i < len(headers); i += 2 {
		res.Header.Set(headers[i], headers[i+1])
	}
	if length := res.Header.Get("Content-Length"); length != "" {
		res.ContentLength = 7
	}
	return res
}

// What goes over the wire: our checksum as a header, the condition, and none of
// the checksums that the client adds by itself.
func TestPutOnTheWire(t *testing.T) {
	body := []byte("a zip")
	a := measure(body)
	calls := 0
	err := artifacts(t, func(r *http.Request) (*http.Response, error) {
		calls++
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("body %q, %v; want %q as it is", got, err, body)
		}
		sum, _ := hex.DecodeString(a.SHA256)
		for name, want := range map[string]string{
			"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum),
			"If-None-Match":         "*",
			"Content-Type":          "application/zip",
			"X-Amz-Checksum-Crc32":  "",
			"X-Amz-Trailer":         "",
			"Content-Encoding":      "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodPut || r.URL.Path != "/bucket/code/s-1/x.zip" || r.ContentLength != a.Size {
			t.Errorf("%s %s of %d bytes", r.Method, r.URL.Path, r.ContentLength)
		}
		return answer(r, http.StatusOK), nil
	}, "bucket").Put(t.Context(), "code/s-1/x.zip", body, a)
	if err != nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestPutAnswers(t *testing.T) {
	for _, tc := range []struct {
		name      string
		answers   []int
		wantCalls int
		wantErr   bool
	}{
		{"stored", []int{200}, 1, false},
		{"exists already", []int{412}, 1, false},
		{"stored by an earlier call whose reply was a failure", []int{500, 412}, 2, false},
		{"another upload under way", []int{409, 200}, 2, false},
		{"another upload under way, then there", []int{409, 409, 412}, 3, false},
		{"other uploads without end", []int{409, 409, 409, 200}, 3, true},
		{"refused", []int{403}, 1, true},
		{"not what was announced", []int{400}, 1, true},
		{"no bucket", []int{404}, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := artifacts(t, func(r *http.Request) (*http.Response, error) {
					io.Copy(io.Discard, r.Body)
					calls++
					return answer(r, tc.answers[calls-1]), nil
				}, "bucket").Put(t.Context(), "k", []byte("a zip"), measure([]byte("a zip")))
				if (err != nil) != tc.wantErr || calls != tc.wantCalls {
					t.Errorf("%v after %d calls; want error %v after %d", err, calls, tc.wantErr, tc.wantCalls)
				}
			})
		})
	}
}

func TestPutOfNoArtifact(t *testing.T) {
	err := artifacts(t, func(*http.Request) (*http.Response, error) {
		t.Error("asked S3")
		return nil, errors.New("no")
	}, "bucket").Put(t.Context(), "k", nil, job.Artifact{SHA256: "abc"})
	if err == nil {
		t.Error("no error")
	}
}

func TestStatAnswers(t *testing.T) {
	sum := sha256.Sum256([]byte("content"))
	checksum := base64.StdEncoding.EncodeToString(sum[:])
	for _, tc := range []struct {
		name       string
		status     int
		headers    []string
		want       job.Artifact
		wantExists bool
		wantErr    bool
	}{
		{"known", 200, []string{"Content-Length", "7", "x-amz-checksum-sha256", checksum}, job.Artifact{Size: 7, SHA256: hex.EncodeToString(sum[:])}, true, false},
		{"without checksum", 200, []string{"Content-Length", "7"}, job.Artifact{Size: 7}, true, false},
		{"uploaded in parts", 200, []string{"Content-Length", "7", "x-amz-checksum-sha256", checksum + "-2"}, job.Artifact{Size: 7}, true, false},
		{"of another length", 200, []string{"Content-Length", "7", "x-amz-checksum-sha256", "AAAA"}, job.Artifact{Size: 7}, true, false},
		{"missing", 404, nil, job.Artifact{}, false, false},
		{"forbidden", 403, nil, job.Artifact{}, false, true},
		{"broken", 500, nil, job.Artifact{}, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, exists, err := artifacts(t, func(r *http.Request) (*http.Response, error) {
					if r.Method != http.MethodHead || r.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" {
						t.Errorf("%s, checksum mode %q", r.Method, r.Header.Get("X-Amz-Checksum-Mode"))
					}
					return answer(r, tc.status, tc.headers...), nil
				}, "bucket").Stat(t.Context(), "k")
				if got != tc.want || exists != tc.wantExists || (err != nil) != tc.wantErr {
					t.Errorf("Stat() = %v, %v, %v; want %v, %v, error %v", got, exists, err, tc.want, tc.wantExists, tc.wantErr)
				}
			})
		})
	}
}

// One ranged GET, and no checksum asked for: S3 has one of the whole only.
func TestReadAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		status     int
		wantErr    bool
	}{
		{"the range", "cde", 206, false},
		{"an object that ends before", "cd", 206, true},
		{"behind the end", "", 416, true},
		{"missing", "", 404, true},
		{"forbidden", "", 403, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := artifacts(t, func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodGet || r.Header.Get("Range") != "bytes=2-4" || r.Header.Get("X-Amz-Checksum-Mode") != "" {
					t.Errorf("%s %v", r.Method, r.Header)
				}
				res := answer(r, tc.status)
				res.Body = io.NopCloser(strings.NewReader(tc.body))
				return res, nil
			}, "bucket").Read(t.Context(), "k", 2, 3)
			if (err != nil) != tc.wantErr || err == nil && string(got) != tc.body {
				t.Errorf("Read() = %q, %v; want %q, error %v", got, err, tc.body, tc.wantErr)
			}
		})
	}
}

// Keep deletes the tags of an object, and nothing else of it.
func TestKeepAnswers(t *testing.T) {
	for status, want := range map[int]struct{ kept, fails bool }{204: {true, false}, 404: {false, false}, 403: {false, true}} {
		kept, err := artifacts(t, func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodDelete || r.URL.Path != "/bucket/k" || !r.URL.Query().Has("tagging") {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			return answer(r, status), nil
		}, "bucket").Keep(t.Context(), "k")
		if kept != want.kept || (err != nil) != want.fails {
			t.Errorf("%d: %v, %v", status, kept, err)
		}
	}
}

var operations = map[string]func(context.Context, *s3artifact.Artifacts) error{
	"Stat": func(ctx context.Context, a *s3artifact.Artifacts) error { _, _, err := a.Stat(ctx, "k"); return err },
	"Read": func(ctx context.Context, a *s3artifact.Artifacts) error {
		_, err := a.Read(ctx, "k", 0, 1)
		return err
	},
	"Keep": func(ctx context.Context, a *s3artifact.Artifacts) error { _, err := a.Keep(ctx, "k"); return err },
	"Put": func(ctx context.Context, a *s3artifact.Artifacts) error {
		return a.Put(ctx, "k", []byte("a zip"), measure([]byte("a zip")))
	},
}

func TestHangingReply(t *testing.T) {
	hang.Run(t, operations, func(t *testing.T) *s3artifact.Artifacts { return artifacts(t, hang.Reply, "bucket") })
}

// Throttling that does not end ends in an error, in time.
func TestThrottledForGood(t *testing.T) {
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				began := time.Now()
				err := operate(t.Context(), artifacts(t, func(r *http.Request) (*http.Response, error) {
					calls.Add(1)
					return slowDown(r), nil
				}, "bucket"))
				if err == nil || time.Since(began) > 5*time.Second || calls.Load() < 2 {
					t.Errorf("%v after %v and %d calls; want an error within 5 s, after repetitions", err, time.Since(began), calls.Load())
				}
			})
		})
	}
}

// slowDown is S3's answer to too many requests.
func slowDown(r *http.Request) *http.Response {
	res := answer(r, http.StatusServiceUnavailable, "Content-Type", "application/xml")
	if r.Method != http.MethodHead {
		res.Body = io.NopCloser(strings.NewReader(`<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`))
	}
	return res
}
