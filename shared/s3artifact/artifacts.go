package s3artifact

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Client is what Artifacts needs of *s3.Client. Put needs s3:PutObject, Read
// s3:GetObject, Remove s3:DeleteObject, Keep s3:DeleteObjectTagging. Stat needs s3:GetObject on the objects
// and s3:ListBucket on the bucket: without
// the latter S3 answers 403 instead of 404 for what does not exist, and Stat
// fails.
type Client interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	DeleteObjectTagging(context.Context, *s3.DeleteObjectTaggingInput, ...func(*s3.Options)) (*s3.DeleteObjectTaggingOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// puts is how often a put is made while S3 says that another operation on the
// same key is under way.
const puts = 3

// Artifacts is a dispatch.Artifacts. It is safe for concurrent use.
type Artifacts struct {
	dispatch.URLs
	client Client
	bucket string
}

// New is the Artifacts of a bucket. urls is a *presign.Presigner, or nil for a
// function that needs no more than a dispatch.Objects.
func New(client Client, urls dispatch.URLs, bucket string) *Artifacts {
	return &Artifacts{URLs: urls, client: client, bucket: bucket}
}

// Stat looks an object up; it returns false if there is none. An object whose SHA-256 S3 did
// not check when it was stored has the artifact's SHA256 empty: its content is
// unknown and equals nothing that was announced.
func (a *Artifacts) Stat(ctx context.Context, key string) (job.Artifact, bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := a.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &a.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if status(err) == http.StatusNotFound {
		return job.Artifact{}, false, nil
	}
	if err != nil {
		return job.Artifact{}, false, fmt.Errorf("stat object: %w", err)
	}
	return job.Artifact{Size: aws.ToInt64(out.ContentLength), SHA256: fromChecksum(aws.ToString(out.ChecksumSHA256))}, true, nil
}

// Read reads n bytes of an object from an offset, in one call. S3 answers with
// fewer if the object ends before, and that is an error.
func (a *Artifacts) Read(ctx context.Context, key string, from int64, n int) ([]byte, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	if n == 0 {
		return nil, nil // a range has at least a byte
	}
	out, err := a.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &a.bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, from+int64(n)-1)),
	})
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	defer func() { _ = out.Body.Close() }()
	part := make([]byte, n)
	if _, err := io.ReadFull(out.Body, part); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	return part, nil
}

// Put stores an object. If the key has one already, that one stays and Put
// succeeds: keys name their content, so it is this one, perhaps by a call of
// our own whose reply was lost. S3 refuses a body that is not a.
func (a *Artifacts) Put(ctx context.Context, key string, body []byte, want job.Artifact) error {
	sum, err := toChecksum(want.SHA256)
	if err != nil {
		return fmt.Errorf("put object: %w", err)
	}
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	for left := puts; ; left-- {
		_, err = a.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &a.bucket, Key: &key,
			Body: bytes.NewReader(body), ContentLength: &want.Size, ContentType: aws.String("application/zip"),
			ChecksumSHA256: &sum, IfNoneMatch: aws.String("*"),
		})
		switch code := status(err); {
		case err == nil, code == http.StatusPreconditionFailed:
			return nil
		case code == http.StatusConflict && left > 1:
			// Another upload of this key has not ended yet; S3 asks to repeat.
		default:
			return fmt.Errorf("put object: %w", err)
		}
	}
}

// PutAhead is Put: what S3 has answered is there.
func (a *Artifacts) PutAhead(ctx context.Context, key string, body []byte, want job.Artifact) error {
	return a.Put(ctx, key, body, want)
}

// Remove deletes objects, one call each: there are two of a job. The bucket keeps
// what was removed as an old version for some days.
func (a *Artifacts) Remove(ctx context.Context, keys []string) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	for _, key := range keys {
		if _, err := a.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &a.bucket, Key: &key}); err != nil {
			return fmt.Errorf("delete object: %w", err)
		}
	}
	return nil
}

// Keep takes off the tag by which the bucket removes drafts. An object without one
// stays as it is.
func (a *Artifacts) Keep(ctx context.Context, key string) (bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	_, err := a.client.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &a.bucket, Key: &key})
	if status(err) == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep object: %w", err)
	}
	return true, nil
}

// status is the HTTP status that S3 refused a call with; 0 if it did not. A HEAD
// has no body that could name the error, so the status is all there is.
func status(err error) int {
	var refusal *awshttp.ResponseError
	if errors.As(err, &refusal) {
		return refusal.HTTPStatusCode()
	}
	return 0
}

// fromChecksum turns S3's base64 into lower-case hex. What is not the SHA-256 of
// the whole object (none, or one of a multipart upload, which ends in "-2") is "".
func fromChecksum(text string) string {
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sum) != 32 {
		return ""
	}
	return hex.EncodeToString(sum)
}

var errChecksum = errors.New("not a SHA-256 in hex")

func toChecksum(text string) (string, error) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != 32 {
		return "", errChecksum
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}

// NewClient returns the S3 client of cfg. A configured endpoint is an emulator's,
// where bucket names are no host names.
func NewClient(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}
