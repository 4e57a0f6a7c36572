package api

import (
	"net/http"
	"strconv"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// downloadData is where to get bytes, and what they must be.
type downloadData struct {
	URL       string `json:"url"`
	Size      int64  `json:"size"`      // bytes
	SHA256    string `json:"sha256"`    // lower-case hex
	ExpiresIn int    `json:"expiresIn"` // seconds
}

func newDownload(url string, a job.Artifact) downloadData {
	return downloadData{url, a.Size, a.SHA256, int(dispatch.URLLife / time.Second)}
}

// wantsPlace reports whether the caller sent exactly `Accept: application/json`: it
// wants to know where a file is, and not the file.
func (c *call) wantsPlace() bool {
	accept := c.Header.Values("Accept")
	return len(accept) == 1 && accept[0] == "application/json"
}

// attached gives the file itself, with the headers that it has behind a redirect.
func (c *call) attached(d dispatch.Download) reply {
	return reply{status: http.StatusOK, file: d.Bytes, header: http.Header{
		"Vary":                {"Accept"},
		"Content-Type":        {"application/zip"},
		"Content-Disposition": {"attachment; filename=" + strconv.Quote(d.Name)},
	}}
}

// redirect sends the caller to a download. Exactly `Accept: application/json`
// asks for the place alone; existing clients send something else, or nothing.
func (c *call) redirect(d dispatch.Download) reply {
	answer := granted("ok", newDownload(d.URL, d.Artifact))
	answer.header = http.Header{"Vary": {"Accept"}}
	if c.wantsPlace() {
		return answer
	}
	answer.status = http.StatusFound
	answer.header.Set("Location", d.URL)
	return answer
}

// uploadData is a request that the caller may send to the bucket.
type uploadData struct {
	URL       string            `json:"url"`
	Method    string            `json:"method"`
	Headers   map[string]string `json:"headers"`   // to be sent as they are
	ExpiresIn int               `json:"expiresIn"` // seconds
}

// newUpload is nil, null on the wire, if there is nothing to upload.
func newUpload(u *dispatch.Upload) *uploadData {
	if u == nil {
		return nil
	}
	return &uploadData{u.URL, u.Method, u.Headers, int(dispatch.UploadLife / time.Second)}
}
