package canned

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
)

type object struct {
	body     []byte
	checksum string // base64 SHA-256, as it was announced
	tags     string // as the upload said them
}

// s3 answers HEAD, PUT, DELETE (of an object or of its tags), and the GET of a range.
func (b *Backend) s3(r *http.Request, body []byte) *http.Response {
	const checksum = "X-Amz-Checksum-Sha256"
	key := r.URL.Host + r.URL.Path
	stored, exists := b.objects[key]
	switch {
	case r.Method == http.MethodPut && exists && r.Header.Get("If-None-Match") == "*":
		return reply(r, http.StatusPreconditionFailed, http.Header{}, nil)
	case r.Method == http.MethodPut:
		b.objects[key] = object{bytes.Clone(body), r.Header.Get(checksum), r.Header.Get("X-Amz-Tagging")}
		return reply(r, http.StatusOK, http.Header{"Etag": {`"canned"`}}, nil)
	case r.Method == http.MethodDelete && r.URL.Query().Has("tagging"):
		if !exists {
			return reply(r, http.StatusNotFound, http.Header{}, nil)
		}
		stored.tags = ""
		b.objects[key] = stored
		return reply(r, http.StatusNoContent, http.Header{}, nil)
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		return reply(r, http.StatusNoContent, http.Header{}, nil)
	case r.Method == http.MethodHead && exists:
		answer := reply(r, http.StatusOK, http.Header{"Content-Length": {strconv.Itoa(len(stored.body))}, checksum: {stored.checksum}}, nil)
		answer.ContentLength = int64(len(stored.body))
		return answer
	case r.Method == http.MethodGet && exists:
		var from, to int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil || from > to || to >= len(stored.body) {
			return reply(r, http.StatusRequestedRangeNotSatisfiable, http.Header{}, nil)
		}
		return reply(r, http.StatusPartialContent, http.Header{}, stored.body[from:to+1])
	case r.Method == http.MethodHead:
		return reply(r, http.StatusNotFound, http.Header{}, nil)
	}
	return reply(r, http.StatusMethodNotAllowed, http.Header{}, nil)
}

// PutObject stores an object with its base64 SHA-256, as an upload
// by a presigned URL does. host is <bucket>.s3.<region>.amazonaws.com.
func (b *Backend) PutObject(host, key string, body []byte, checksum string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[host+"/"+key] = object{body, checksum, ""}
}
