package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// untouched is a body that nobody may read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, http.ErrBodyReadAfterClose
}

func TestBodyThatIsAnnouncedTooLongIsNotRead(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "/runner/heartbeat", untouched{t})
	r.ContentLength = 4097
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Runner-Token", w.tokens["runner-a"])
	reply := httptest.NewRecorder()
	w.api.Handler().ServeHTTP(reply, r)
	if reply.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", reply.Code)
	}
}
