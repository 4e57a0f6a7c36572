// Package presign makes presigned S3 URLs: short-lived permissions for one
// method on one key, checked by S3 itself. It signs with the SDK's bare signer
// and does not link the S3 client: most functions only hand out URLs, and the
// client costs them start-up time and binary size.
package presign

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Presigner is a dispatch.URLs: it makes presigned URLs for one bucket. It is
// safe for concurrent use and sends requests only to the credentials' provider. A
// URL dies with the credentials that signed it, if that is sooner than its own
// end. Their role needs s3:GetObject for downloads and s3:PutObject for uploads.
type Presigner struct {
	credentials aws.CredentialsProvider
	region      string
	bucket      *url.URL // ends in a slash
	signer      *v4.Signer

	// Now is the time of signing. New sets it to time.Now.
	Now func() time.Time
}

// New is a Presigner for a bucket, with the region, the credentials and the
// endpoint of cfg, if it has one (for emulators, AWS_ENDPOINT_URL or
// AWS_ENDPOINT_URL_S3). host is the bucket's regional domain name, as
// CloudFormation gives it; it is not needed where there is an endpoint.
func New(cfg aws.Config, bucket, host string) (*Presigner, error) {
	endpoint, err := endpointOf(cfg)
	if err != nil {
		return nil, fmt.Errorf("find S3 endpoint: %w", err)
	}
	base, err := bucketURL(endpoint, bucket, host)
	if err != nil {
		return nil, fmt.Errorf("make bucket URL: %w", err)
	}
	return &Presigner{
		credentials: cfg.Credentials, region: cfg.Region, bucket: base, Now: time.Now,
		signer: v4.NewSigner(func(o *v4.SignerOptions) {
			o.DisableURIPathEscaping = true // S3 signs paths as they are
			// Headers stay headers: S3 does not compare the bytes with a
			// checksum in the query. The signer knows that of checksums, this
			// says it of all.
			o.DisableHeaderHoisting = true
		}),
	}, nil
}

// GetURL is a URL that gives out the object for dispatch.URLLife as
// application/zip, attached under a file name, to any HTTP client that sends a
// plain GET.
func (p *Presigner) GetURL(ctx context.Context, key, filename string) (string, error) {
	signed, err := p.sign(ctx, &http.Request{Method: http.MethodGet}, key, dispatch.URLLife, url.Values{
		"response-content-type":        {"application/zip"},
		"response-content-disposition": {"attachment; filename=" + strconv.Quote(filename)},
	})
	if err != nil {
		return "", fmt.Errorf("presign download: %w", err)
	}
	return signed, nil
}

// The signed headers of an upload.
const (
	headerChecksum    = "X-Amz-Checksum-Sha256" // base64
	headerIfNoneMatch = "If-None-Match"
	headerTagging     = "X-Amz-Tagging"
)

// PutURL is an upload of exactly a, once, within dispatch.UploadLife. S3
// answers 200, or refuses: 403 for another size or a header that is missing or
// differs, 400 for bytes of another SHA-256, 412 for a key that has an object
// already (an uploader sees this when it repeats an upload whose reply was lost:
// the object is there), 409 while another upload to the key is under way.
//
// Upload.Headers is what the uploader must send itself. Content-Length is
// signed too but not among them: an HTTP client sets it from the body that it
// has, and many forbid to set it by hand. A chunked upload, without a length,
// is refused.
func (p *Presigner) PutURL(ctx context.Context, key string, a job.Artifact) (dispatch.Upload, error) {
	return p.upload(ctx, key, a, map[string]string{headerIfNoneMatch: "*"})
}

// DraftURL is PutURL with a tag, which is signed: S3 stores the object under it or
// not at all. The signer's role needs s3:PutObjectTagging too.
func (p *Presigner) DraftURL(ctx context.Context, key string, a job.Artifact) (dispatch.Upload, error) {
	return p.upload(ctx, key, a, map[string]string{headerIfNoneMatch: "*", headerTagging: dispatch.DraftTag})
}

// upload is PutURL with headers, to which it adds the checksum.
func (p *Presigner) upload(ctx context.Context, key string, a job.Artifact, headers map[string]string) (dispatch.Upload, error) {
	sum, err := hex.DecodeString(a.SHA256)
	if err != nil || len(sum) != 32 || a.Size < 0 {
		return dispatch.Upload{}, fmt.Errorf("presign upload: %w", errNoArtifact)
	}
	headers[headerChecksum] = base64.StdEncoding.EncodeToString(sum)
	r := &http.Request{Method: http.MethodPut, Header: http.Header{}, ContentLength: a.Size}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	signed, err := p.sign(ctx, r, key, dispatch.UploadLife, url.Values{})
	if err != nil {
		return dispatch.Upload{}, fmt.Errorf("presign upload: %w", err)
	}
	return dispatch.Upload{URL: signed, Method: r.Method, Headers: headers}, nil
}

var errNoArtifact = errors.New("neither a size nor a SHA-256 in hex")

// sign completes r and presigns it. The body is not part of the signature: its
// hash is in a header.
func (p *Presigner) sign(ctx context.Context, r *http.Request, key string, life time.Duration, query url.Values) (string, error) {
	credentials, err := p.credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("get credentials: %w", err)
	}
	query.Set("X-Amz-Expires", strconv.Itoa(int(life/time.Second)))
	u := *p.bucket
	u.RawPath = u.EscapedPath() + escapePath(key)
	u.Path += key
	u.RawQuery = query.Encode()
	r.URL, r.Host = &u, u.Host
	signed, _, err := p.signer.PresignHTTP(ctx, credentials, r, "UNSIGNED-PAYLOAD", "s3", p.region, p.Now())
	return signed, err
}

// escapePath escapes a key as S3 does in a signature: everything but unreserved
// characters and the slash.
func escapePath(key string) string {
	const hexDigits = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(len(key))
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			out.WriteByte(c)
		default:
			out.WriteByte('%')
			out.WriteByte(hexDigits[c>>4])
			out.WriteByte(hexDigits[c&15])
		}
	}
	return out.String()
}
