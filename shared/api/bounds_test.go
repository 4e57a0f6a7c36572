package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// untouched is a body that must not be read.
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

func TestCompleteJobBoundsItsOutputs(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	of := func(size string) ask {
		return put("/runner/jobs/j1/complete", strings.Replace(result7(token, "AC"), "{", `{"outputs":{"size":`+size+`,"sha256":"`+sum(zip)+`"},`, 1))
	}
	w.check([]row{
		{"a byte too many", of("268435457"), 400, "invalid_body", "invalid body: outputs.size: want an integer, 1 to 268435456"},
		{"as many as may be", of("268435456"), 200, "", "submission [j1] result received."},
	})
}
