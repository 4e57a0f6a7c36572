//go:build localstack

package s3artifact_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/testkit/artifacttest"
)

// direct sends requests as they are.
func direct(r *http.Request) (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }

// newBucket makes a bucket of a random name for one test.
func newBucket(t *testing.T) string {
	t.Helper()
	c, bucket := client(direct), "artifacttest-"+strings.ToLower(rand.Text())
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatalf("LocalStack does not make a bucket (`make localstack` starts it): %v", err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			t.Errorf("list bucket: %v", err)
			return
		}
		for _, o := range list.Contents {
			if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
				t.Errorf("delete object: %v", err)
			}
		}
		if _, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
			t.Errorf("delete bucket: %v", err)
		}
	})
	return bucket
}

func TestConformance(t *testing.T) {
	artifacttest.Run(t, func(t *testing.T) artifacttest.Harness {
		bucket := newBucket(t)
		return artifacttest.Harness{
			Artifacts: artifacts(t, direct, bucket),
			Client:    &http.Client{Timeout: 30 * time.Second},
			// Only S3 has the other clock, so the URL is signed in the past.
			Aged: func(age time.Duration) dispatch.Artifacts {
				urls, err := presign.New(local(direct), bucket, "")
				if err != nil {
					t.Fatal(err)
				}
				urls.Now = func() time.Time { return time.Now().Add(-age) }
				return s3artifact.New(client(direct), urls, bucket)
			},
			LetsAnyoneIn: true, // LocalStack checks a signature only where there is one
		}
	})
}

// Every character that a key may have is signed as S3 signs it.
func TestOddKeys(t *testing.T) {
	bucket := newBucket(t)
	a := artifacts(t, direct, bucket)
	for _, key := range []string{"code/s_-1/x.zip", "a b/c+d=é&~.zip", "100%/$,;:@.zip"} {
		t.Run(key, func(t *testing.T) {
			body := []byte("of " + key)
			up, err := a.PutURL(t.Context(), key, measure(body))
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), up.Method, up.URL, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range up.Headers {
				r.Header.Set(name, value)
			}
			fetch(t, r, http.StatusOK)
			if got, exists, err := a.Stat(t.Context(), key); err != nil || !exists || got != measure(body) {
				t.Errorf("Stat() = %v, %v, %v", got, exists, err)
			}
			url, err := a.GetURL(t.Context(), key, `odd "name".zip`)
			if err != nil {
				t.Fatal(err)
			}
			if r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody); err != nil {
				t.Fatal(err)
			}
			if got := fetch(t, r, http.StatusOK); !bytes.Equal(got, body) {
				t.Errorf("got %q, want %q", got, body)
			}
		})
	}
}

func fetch(t *testing.T, r *http.Request, want int) []byte {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s: status %d, %v; want %d: %s", r.Method, res.StatusCode, err, want, body)
	}
	return body
}

// An object that came without a SHA-256 is there, but nothing vouches for it.
func TestObjectWithoutChecksum(t *testing.T) {
	bucket := newBucket(t)
	if _, err := client(direct).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("12345"),
	}); err != nil {
		t.Fatal(err)
	}
	got, exists, err := artifacts(t, direct, bucket).Stat(t.Context(), "k")
	if want := (job.Artifact{Size: 5}); err != nil || !exists || got != want {
		t.Errorf("Stat() = %v, %v, %v; want %v", got, exists, err, want)
	}
}

// An upload for a draft has the tag that the bucket removes it by, until it is kept.
func TestTagOfADraft(t *testing.T) {
	bucket := newBucket(t)
	a, body := artifacts(t, direct, bucket), []byte("test data")
	up, err := a.DraftURL(t.Context(), "k", measure(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), up.Method, up.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range up.Headers {
		r.Header.Set(name, value)
	}
	fetch(t, r, http.StatusOK)
	for _, want := range []string{dispatch.DraftTag, ""} {
		tags, err := client(direct).GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: aws.String("k")})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, tag := range tags.TagSet {
			got += *tag.Key + "=" + *tag.Value
		}
		if got != want {
			t.Errorf("tags %q, want %q", got, want)
		}
		if kept, err := a.Keep(t.Context(), "k"); err != nil || !kept {
			t.Errorf("kept %v, %v", kept, err)
		}
	}
}

// filledBucket returns a bucket with the object that the operations are about.
func filledBucket(t *testing.T) string {
	t.Helper()
	bucket := newBucket(t)
	if err := operations["Put"](t.Context(), artifacts(t, direct, bucket)); err != nil {
		t.Fatal(err)
	}
	return bucket
}

// The client repeats a call whose reply was lost; the repetition of a put finds
// its own object.
func TestLostReply(t *testing.T) {
	bucket := filledBucket(t)
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			err := operate(t.Context(), artifacts(t, func(r *http.Request) (*http.Response, error) {
				res, err := direct(r)
				if err == nil && calls.Add(1) == 1 {
					res.Body.Close()
					return nil, errors.New("connection reset by peer")
				}
				return res, err
			}, bucket))
			if err != nil || calls.Load() != 2 {
				t.Errorf("%v after %d calls; want no error after 2", err, calls.Load())
			}
		})
	}
}

func TestThrottledForAWhile(t *testing.T) {
	bucket := filledBucket(t)
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			err := operate(t.Context(), artifacts(t, func(r *http.Request) (*http.Response, error) {
				if calls.Add(1) <= 2 {
					return slowDown(r), nil
				}
				return direct(r)
			}, bucket))
			if err != nil {
				t.Errorf("%v after %d calls", err, calls.Load())
			}
		})
	}
}
