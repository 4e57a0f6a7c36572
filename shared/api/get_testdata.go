package api

import (
	"net/http"
	"strings"
)

// getTestdata is GET /runner/jobs/{id}/testdata. The hash is the entity tag, so
// that a runner that has these bytes need not ask the bucket.
func getTestdata(a *API, c *call) (reply, error) {
	download, answer, err := a.dispatch.Testdata(c.Context(), c.id, c.runner, c.claimToken())
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	tag := `"` + download.Artifact.SHA256 + `"`
	found := c.redirect(download)
	if lists(c.Header.Values("If-None-Match"), tag) {
		found = reply{status: http.StatusNotModified, header: http.Header{"Vary": {"Accept"}}}
	}
	found.header.Set("Etag", tag)
	return found, nil
}

// lists reports whether an If-None-Match names tag; the comparison is the weak
// one (RFC 9110, 13.1.2). The API's tags hold no comma.
func lists(headers []string, tag string) bool {
	for _, header := range headers {
		for listed := range strings.SplitSeq(header, ",") {
			listed = strings.TrimSpace(listed)
			if listed == "*" || strings.TrimPrefix(listed, "W/") == tag {
				return true
			}
		}
	}
	return false
}
