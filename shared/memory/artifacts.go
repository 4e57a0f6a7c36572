package memory

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// BlobPath is where the embedded server mounts Artifacts as an http.Handler.
const BlobPath = "/blobs/"

// Artifacts is dispatch.Artifacts in memory. As an http.Handler it serves its
// own presigned URLs and enforces what S3 enforces: method, key, expiry, size,
// checksum, and that nothing is overwritten.
type Artifacts struct {
	baseURL string
	secret  []byte
	now     func() time.Time
	objects Objects
}

// NewArtifacts is an empty Artifacts whose URLs start with baseURL (scheme and
// host) and are signed with secret.
func NewArtifacts(baseURL string, secret []byte, now func() time.Time) *Artifacts {
	return ArtifactsOf(&inMemory{objects: make(map[string]held)}, baseURL, secret, now)
}

// ArtifactsOf is an Artifacts whose bytes are kept elsewhere.
func ArtifactsOf(objects Objects, baseURL string, secret []byte, now func() time.Time) *Artifacts {
	return &Artifacts{baseURL: baseURL, secret: secret, now: now, objects: objects}
}

type originKey struct{}

// WithOrigin gives the URLs that are presigned with ctx another origin than the
// Artifacts' baseURL: that by which the client reaches the server.
func WithOrigin(ctx context.Context, origin string) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// The parameters of a presigned URL.
const (
	paramExpires   = "expires"   // epoch seconds
	paramFilename  = "filename"  // of a download
	paramSize      = "size"      // of an upload, bytes
	paramSHA256    = "sha256"    // of an upload, lower-case hex
	paramTagging   = "tagging"   // of an upload that has a tag
	paramSignature = "signature" // over method, key and all other parameters
)

// The headers of an upload, as S3 names them.
const (
	headerChecksum    = "X-Amz-Checksum-Sha256" // base64
	headerIfNoneMatch = "If-None-Match"
	headerTagging     = "X-Amz-Tagging"
)

// GetURL presigns a download.
func (a *Artifacts) GetURL(ctx context.Context, key, filename string) (string, error) {
	return a.sign(ctx, http.MethodGet, key, dispatch.URLLife, url.Values{paramFilename: {filename}}), nil
}

// PutURL presigns an upload.
func (a *Artifacts) PutURL(ctx context.Context, key string, want job.Artifact) (dispatch.Upload, error) {
	return a.presignPut(ctx, key, want, url.Values{})
}

// DraftURL presigns an upload with the tag of a draft in the header, as S3 wants it.
// It is not stored: what of the test data is a draft's, the versions tell.
func (a *Artifacts) DraftURL(ctx context.Context, key string, want job.Artifact) (dispatch.Upload, error) {
	up, err := a.presignPut(ctx, key, want, url.Values{paramTagging: {dispatch.DraftTag}})
	if err == nil {
		up.Headers[headerTagging] = dispatch.DraftTag
	}
	return up, err
}

func (a *Artifacts) presignPut(ctx context.Context, key string, want job.Artifact, params url.Values) (dispatch.Upload, error) {
	sum, err := hex.DecodeString(want.SHA256)
	if err != nil {
		return dispatch.Upload{}, fmt.Errorf("presign upload: %w", err)
	}
	params.Set(paramSize, strconv.FormatInt(want.Size, 10))
	params.Set(paramSHA256, want.SHA256)
	return dispatch.Upload{
		URL:    a.sign(ctx, http.MethodPut, key, dispatch.UploadLife, params),
		Method: http.MethodPut,
		Headers: map[string]string{
			headerChecksum:    base64.StdEncoding.EncodeToString(sum),
			headerIfNoneMatch: "*",
		},
	}, nil
}

// Keep makes an object stay.
func (a *Artifacts) Keep(_ context.Context, key string) (bool, error) {
	kept, err := a.objects.Keep(key)
	if err != nil {
		return false, fmt.Errorf("keep %s: %w", key, err)
	}
	return kept, nil
}

// Stat looks an object up.
func (a *Artifacts) Stat(_ context.Context, key string) (job.Artifact, bool, error) {
	o, exists, err := a.objects.Find(key)
	if err != nil || !exists {
		return job.Artifact{}, false, err
	}
	defer o.Close()
	if o.SHA256 == "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(o, 0, o.Size)); err != nil {
			return job.Artifact{}, false, fmt.Errorf("read %s: %w", key, err)
		}
		o.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return o.Artifact, true, nil
}

// Read reads a part of an object.
func (a *Artifacts) Read(_ context.Context, key string, from int64, n int) ([]byte, error) {
	o, exists, err := a.objects.Find(key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if !exists {
		return nil, fmt.Errorf("read %s: there is no such object", key)
	}
	defer o.Close()
	if from < 0 || n < 0 || from > o.Size-int64(n) {
		return nil, fmt.Errorf("read %s: %d bytes from %d are not there", key, n, from)
	}
	part := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(o, from, int64(n)), part); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return part, nil
}

// Put stores an object unless it exists.
func (a *Artifacts) Put(_ context.Context, key string, body []byte, want job.Artifact) error {
	_, err := a.objects.Save(key, bytes.NewReader(body), want)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// PutAhead stores an object unless it exists, before the write that follows.
func (a *Artifacts) PutAhead(_ context.Context, key string, body []byte, want job.Artifact) error {
	if err := a.objects.SaveAhead(key, body, want); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// Remove deletes objects.
func (a *Artifacts) Remove(_ context.Context, keys []string) error {
	for _, key := range keys {
		if err := a.objects.Remove(key); err != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return nil
}

func (a *Artifacts) sign(ctx context.Context, method, key string, life time.Duration, params url.Values) string {
	params.Set(paramExpires, strconv.FormatInt(a.now().Add(life).Unix(), 10))
	query := params.Encode()
	origin, given := ctx.Value(originKey{}).(string)
	if !given {
		origin = a.baseURL
	}
	return origin + BlobPath + key + "?" + query + "&" + paramSignature + "=" + a.signature(method, key, query)
}

// signature covers every part of a URL. query is what Encode returns.
func (a *Artifacts) signature(method, key, query string) string {
	mac := hmac.New(sha256.New, a.secret)
	fmt.Fprintf(mac, "%s\n%s\n%s", method, key, query)
	return hex.EncodeToString(mac.Sum(nil))
}

// ServeHTTP serves presigned URLs below BlobPath with S3's statuses: 403 for
// what the signature does not cover or has expired, 404, 400 for bytes that are
// not what was announced, 412 for an object that exists.
func (a *Artifacts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Path[min(len(BlobPath), len(r.URL.Path)):]
	params := r.URL.Query()
	signature := params.Get(paramSignature)
	params.Del(paramSignature)
	want := a.signature(r.Method, key, params.Encode())
	expires, err := strconv.ParseInt(params.Get(paramExpires), 10, 64)
	switch {
	case !hmac.Equal([]byte(want), []byte(signature)):
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch", "the signature does not match")
	case err != nil || a.now().Unix() >= expires:
		refuse(w, http.StatusForbidden, "AccessDenied", "the URL has expired")
	case r.Method == http.MethodPut:
		a.upload(w, r, key, params)
	default:
		a.serve(w, key, params.Get(paramFilename))
	}
}

func (a *Artifacts) serve(w http.ResponseWriter, key, filename string) {
	o, exists, err := a.objects.Find(key)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", "the object cannot be read")
		return
	}
	if !exists {
		refuse(w, http.StatusNotFound, "NoSuchKey", "no such key")
		return
	}
	defer o.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", filename))
	w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
	io.Copy(w, o) //nolint:errcheck // the client has gone away
}

func (a *Artifacts) upload(w http.ResponseWriter, r *http.Request, key string, params url.Values) {
	size, err := strconv.ParseInt(params.Get(paramSize), 10, 64)
	want := job.Artifact{Size: size, SHA256: params.Get(paramSHA256)}
	sum, hexErr := hex.DecodeString(want.SHA256)
	switch {
	case err != nil || hexErr != nil,
		r.Header.Get(headerIfNoneMatch) != "*",
		r.Header.Get(headerTagging) != params.Get(paramTagging),
		r.Header.Get(headerChecksum) != base64.StdEncoding.EncodeToString(sum),
		r.ContentLength != size:
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch", "a signed header is missing or differs")
		return
	}
	switch stored, err := a.objects.Save(key, r.Body, want); {
	case errors.Is(err, ErrBytes):
		refuse(w, http.StatusBadRequest, "BadDigest", "the body does not match its size or checksum")
	case err != nil:
		refuse(w, http.StatusInternalServerError, "InternalError", "the object could not be stored: "+err.Error())
	case !stored:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "the key exists")
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// refuse answers in the form of S3. By it a client tells a refusal from what
// somebody between may say.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	//nolint:errcheck // the client has gone away
	xml.NewEncoder(w).Encode(struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: code, Message: message})
}
