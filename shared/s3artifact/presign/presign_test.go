package presign_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/s3artifact/presign"
)

var _ dispatch.URLs = (*presign.Presigner)(nil)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	session   = "session-token"
	objectKey = "code/s-1/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.zip"
)

var artifact = job.Artifact{Size: 1234, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

func config(t testing.TB, region string, extra ...string) aws.Config {
	t.Helper()
	values := map[string]string{
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": session,
	}
	for i := 0; i < len(extra); i += 2 {
		values[extra[i]] = extra[i+1]
	}
	cfg, err := awsclient.FromEnv(func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func presigner(t testing.TB, cfg aws.Config, bucket string) *presign.Presigner {
	t.Helper()
	p, err := presign.New(cfg, bucket, bucket+".s3."+cfg.Region+".amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	p.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 999, time.UTC) }
	return p
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// what a URL says, except for its signature.
func params(t *testing.T, u *url.URL) map[string]string {
	t.Helper()
	got := make(map[string]string)
	for name, values := range u.Query() {
		got[name] = strings.Join(values, "|")
	}
	if signature := got["X-Amz-Signature"]; len(signature) != 64 {
		t.Errorf("signature %q, want 64 hex digits", signature)
	}
	delete(got, "X-Amz-Signature")
	return got
}

func TestGetURLSaysNoMoreThanItMust(t *testing.T) {
	text, err := presigner(t, config(t, "eu-central-1"), "bucket").GetURL(t.Context(), objectKey, "s-1.zip")
	if err != nil {
		t.Fatal(err)
	}
	u := parse(t, text)
	if u.Scheme != "https" || u.Host != "bucket.s3.eu-central-1.amazonaws.com" || u.Path != "/"+objectKey {
		t.Errorf("URL of %s://%s%s", u.Scheme, u.Host, u.Path)
	}
	want := map[string]string{
		"X-Amz-Algorithm":              "AWS4-HMAC-SHA256",
		"X-Amz-Credential":             accessKey + "/20260301/eu-central-1/s3/aws4_request",
		"X-Amz-Date":                   "20260301T120000Z",
		"X-Amz-Expires":                "300",
		"X-Amz-Security-Token":         session,
		"X-Amz-SignedHeaders":          "host",
		"response-content-type":        "application/zip",
		"response-content-disposition": `attachment; filename="s-1.zip"`,
	}
	if diff := cmp.Diff(want, params(t, u)); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

// The headers are signed as headers: what is moved into the query, S3 would not
// compare with the bytes.
func TestPutURLSignsSizeHashAndCondition(t *testing.T) {
	up, err := presigner(t, config(t, "eu-central-1"), "bucket").PutURL(t.Context(), objectKey, artifact)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"X-Amz-Algorithm":      "AWS4-HMAC-SHA256",
		"X-Amz-Credential":     accessKey + "/20260301/eu-central-1/s3/aws4_request",
		"X-Amz-Date":           "20260301T120000Z",
		"X-Amz-Expires":        "900",
		"X-Amz-Security-Token": session,
		"X-Amz-SignedHeaders":  "content-length;host;if-none-match;x-amz-checksum-sha256",
	}
	if diff := cmp.Diff(want, params(t, parse(t, up.URL))); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	sum, _ := hex.DecodeString(artifact.SHA256)
	wantUpload := dispatch.Upload{URL: up.URL, Method: "PUT", Headers: map[string]string{
		"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum),
		"If-None-Match":         "*",
	}}
	if diff := cmp.Diff(wantUpload, up); diff != "" {
		t.Errorf("upload (-want +got):\n%s", diff)
	}
}

// A client that leaves the tag of a draft out cannot upload it, or it would stay for ever.
func TestDraftURLSignsTheTag(t *testing.T) {
	up, err := presigner(t, config(t, "eu-central-1"), "bucket").DraftURL(t.Context(), objectKey, artifact)
	if err != nil {
		t.Fatal(err)
	}
	const want = "content-length;host;if-none-match;x-amz-checksum-sha256;x-amz-tagging"
	if got := params(t, parse(t, up.URL))["X-Amz-SignedHeaders"]; got != want || len(up.Headers) != 3 || up.Headers["X-Amz-Tagging"] != dispatch.DraftTag {
		t.Errorf("signed %s, headers %v", got, up.Headers)
	}
}

func TestNoSecretInAURL(t *testing.T) {
	p := presigner(t, config(t, "eu-central-1"), "bucket")
	get, err := p.GetURL(t.Context(), objectKey, "s-1.zip")
	if err != nil {
		t.Fatal(err)
	}
	up, err := p.PutURL(t.Context(), objectKey, artifact)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{get, up.URL} {
		if plain, _ := url.QueryUnescape(text); strings.Contains(text, secret) || strings.Contains(plain, secret) {
			t.Error("the secret key is in a URL")
		}
	}
}

// TestHostsOfEveryPartition: with the host that AWS gives a bucket, the URL is
// where the SDK's own client would go.
func TestHostsOfEveryPartition(t *testing.T) {
	for region, suffix := range map[string]string{
		"us-east-1": "amazonaws.com", "us-gov-west-1": "amazonaws.com", "cn-north-1": "amazonaws.com.cn",
		"eusc-de-east-1": "amazonaws.eu", "us-iso-east-1": "c2s.ic.gov", "us-isob-east-1": "sc2s.sgov.gov",
	} {
		t.Run(region, func(t *testing.T) {
			cfg := config(t, region)
			sdk, err := s3.NewPresignClient(s3.NewFromConfig(cfg)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String(objectKey)})
			if err != nil {
				t.Fatal(err)
			}
			p, err := presign.New(cfg, "bucket", "bucket.s3."+region+"."+suffix)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.GetURL(t.Context(), objectKey, "s-1.zip")
			if err != nil {
				t.Fatal(err)
			}
			want, _, _ := strings.Cut(sdk.URL, "?")
			if got, _, _ := strings.Cut(got, "?"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestEndpointOfTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name  string
		extra []string
		want  string
	}{
		{"for all", []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/bucket/k"},
		{"with a slash", []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566/"}, "http://127.0.0.1:4566/bucket/k"},
		{"for S3", []string{"AWS_ENDPOINT_URL", "http://all", "AWS_ENDPOINT_URL_S3", "http://s3:1"}, "http://s3:1/bucket/k"},
		{"none", nil, "https://bucket.s3.eu-west-1.amazonaws.com/k"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := presigner(t, config(t, "eu-west-1", tc.extra...), "bucket").GetURL(t.Context(), "k", "f")
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(got, "?"); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if _, err := presign.New(config(t, "eu-west-1", "AWS_ENDPOINT_URL", "http://a b"), "bucket", ""); err == nil {
		t.Error("malformed endpoint: no error")
	}
	if _, err := presign.New(config(t, "eu-west-1"), "bucket", ""); err == nil {
		t.Error("neither a host nor an endpoint: no error")
	}
}

func TestKeysAreEscaped(t *testing.T) {
	got, err := presigner(t, config(t, "eu-west-1"), "bucket").GetURL(t.Context(), "a b/c+d=é%2F?#.zip", "f")
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd%3D%C3%A9%252F%3F%23.zip?"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s...", got, want)
	}
}

func TestPutURLOfNoArtifact(t *testing.T) {
	p := presigner(t, config(t, "eu-west-1"), "bucket")
	for name, a := range map[string]job.Artifact{
		"no hash": {Size: 1}, "not hex": {Size: 1, SHA256: strings.Repeat("z", 64)}, "too short": {Size: 1, SHA256: "abcd"},
		"negative": {Size: -1, SHA256: artifact.SHA256},
	} {
		if up, err := p.PutURL(t.Context(), "k", a); err == nil {
			t.Errorf("%s: got %v, want an error", name, up.Headers)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	away := errors.New("away")
	cfg := config(t, "eu-west-1")
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, away })
	p := presigner(t, cfg, "bucket")
	if _, err := p.GetURL(t.Context(), "k", "f"); !errors.Is(err, away) {
		t.Errorf("GetURL: %v", err)
	}
	if _, err := p.PutURL(t.Context(), "k", artifact); !errors.Is(err, away) {
		t.Errorf("PutURL: %v", err)
	}
}

// The package is there so that a function can do without the client.
func TestDoesNotLinkTheS3Client(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, out)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "github.com/aws/aws-sdk-go-v2/aws/signer/v4") {
		t.Errorf("go list does not know what is imported: %v", deps)
	}
	for _, dep := range deps {
		if strings.HasPrefix(dep, "github.com/aws/aws-sdk-go-v2/service/") {
			t.Errorf("links %s", dep)
		}
	}
}

func BenchmarkGetURL(b *testing.B) {
	p := presigner(b, config(b, "eu-west-1"), "bucket")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.GetURL(b.Context(), objectKey, "s-1.zip"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutURL(b *testing.B) {
	p := presigner(b, config(b, "eu-west-1"), "bucket")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.PutURL(b.Context(), objectKey, artifact); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSDKGetURL is what the SDK's presign client takes for the same.
func BenchmarkSDKGetURL(b *testing.B) {
	p := s3.NewPresignClient(s3.NewFromConfig(config(b, "eu-west-1")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.PresignGetObject(b.Context(), &s3.GetObjectInput{
			Bucket: aws.String("bucket"), Key: aws.String(objectKey),
			ResponseContentType: aws.String("application/zip"), ResponseContentDisposition: aws.String(`attachment; filename="s-1.zip"`),
		}, s3.WithPresignExpires(dispatch.URLLife)); err != nil {
			b.Fatal(err)
		}
	}
}
