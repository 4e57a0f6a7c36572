package canned

import (
	"net/http"
	"strconv"
)

type object struct {
	size     int
	checksum string // base64 SHA-256, as it was announced
}

// s3 answers HEAD and PUT, and GET without a body: sizes are all that counts.
func (b *Backend) s3(r *http.Request, body []byte) *http.Response {
	const checksum = "X-Amz-Checksum-Sha256"
	key := r.URL.Host + r.URL.Path
	stored, exists := b.objects[key]
	switch {
	case r.Method == http.MethodPut && exists && r.Header.Get("If-None-Match") == "*":
		return reply(r, http.StatusPreconditionFailed, http.Header{}, nil)
	case r.Method == http.MethodPut:
		b.objects[key] = object{len(body), r.Header.Get(checksum)}
		return reply(r, http.StatusOK, http.Header{"Etag": {`"canned"`}}, nil)
	case r.Method == http.MethodHead && exists:
		answer := reply(r, http.StatusOK, http.Header{"Content-Length": {strconv.Itoa(stored.size)}, checksum: {stored.checksum}}, nil)
		answer.ContentLength = int64(stored.size)
		return answer
	case r.Method == http.MethodHead:
		return reply(r, http.StatusNotFound, http.Header{}, nil)
	}
	return reply(r, http.StatusMethodNotAllowed, http.Header{}, nil)
}

// PutObject stores an object of size bytes with a base64 SHA-256, as an upload
// by a presigned URL does. host is <bucket>.s3.<region>.amazonaws.com.
func (b *Backend) PutObject(host, key string, size int, checksum string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[host+"/"+key] = object{size, checksum}
}
