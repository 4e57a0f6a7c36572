package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeAPI answers the producer routes, and remembers what it was asked.
type fakeAPI struct {
	*httptest.Server
	mu        sync.Mutex
	asked     []string          // "METHOD path" in order, jobs' and problems' ids left out
	uploads   map[string][]byte // by path
	jobs      map[string]job
	putStatus int
	fail      int // that many requests get a 503 first
	queried   []int
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{uploads: map[string][]byte{}, jobs: map[string]job{}, putStatus: http.StatusOK}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeAPI) producer() *producer {
	p := newProducer(endpoint{URL: f.URL + "/stage/", ProducerToken: "secret"})
	p.wait = time.Millisecond
	return p
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if f.fail > 0 {
		f.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/bucket/") {
		if r.Method != http.MethodPut || r.Header.Get("X-Signed") != "yes" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		f.uploads[r.URL.Path] = body
		w.WriteHeader(f.putStatus)
		return
	}
	reply := func(data any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data, "message": "ok", "status": "ok"})
	}
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"data": nil, "message": "no", "status": "err", "code": code})
	}
	path, inStage := strings.CutPrefix(r.URL.Path, "/stage")
	switch {
	case !inStage:
		refuse(http.StatusNotFound, "not_found")
		return
	case r.Header.Get("Authorization") != "Bearer secret":
		refuse(http.StatusUnauthorized, "unauthorized")
		return
	}
	target := func(name string) map[string]any {
		return map[string]any{"upload": upload{f.URL + "/bucket/" + name, http.MethodPut, map[string]string{"X-Signed": "yes"}}}
	}
	var in struct {
		SubmissionID string
		Code         json.RawMessage
		Testdata     artifact
		IDs          []string
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil || r.Header.Get("Content-Type") != "application/json" {
			refuse(http.StatusBadRequest, "malformed_json")
			return
		}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case r.Method == http.MethodPut && parts[0] == "problems":
		f.asked = append(f.asked, "put problem")
		reply(target("testdata/" + in.Testdata.SHA256))
	case r.Method == http.MethodPost && parts[0] == "problems" && parts[2] == "publish":
		f.asked = append(f.asked, "publish")
		reply(map[string]any{})
	case r.Method == http.MethodPost && path == "/jobs":
		f.asked = append(f.asked, "create")
		var inline string
		if json.Unmarshal(in.Code, &inline) == nil {
			f.uploads["inline/"+in.SubmissionID], _ = base64.StdEncoding.DecodeString(inline)
			reply(map[string]any{})
			return
		}
		reply(target("code/" + in.SubmissionID))
	case r.Method == http.MethodPost && path == "/jobs/query":
		f.queried = append(f.queried, len(in.IDs))
		found, missing := []job{}, []string{}
		for _, id := range in.IDs {
			if j, ok := f.jobs[id]; ok {
				found = append(found, j)
			} else {
				missing = append(missing, id)
			}
		}
		reply(map[string]any{"jobs": found, "missing": missing})
	case r.Method == http.MethodPost && parts[0] == "jobs" && len(parts) == 3 && parts[2] == "submit":
		f.asked = append(f.asked, "submit")
		reply(map[string]any{})
	case r.Method == http.MethodPost && parts[0] == "jobs" && len(parts) == 3 && parts[2] == "rejudge":
		f.asked = append(f.asked, "rejudge")
		j := f.jobs[parts[1]]
		f.jobs[parts[1]] = job{ID: j.ID, State: "claimed", Attempt: j.Attempt + 1, Generation: j.Generation + 1, Holder: &holder{Runner: "r-a"}}
		reply(map[string]any{})
	case r.Method == http.MethodGet && parts[0] == "jobs" && len(parts) == 2:
		j, ok := f.jobs[parts[1]]
		if !ok {
			refuse(http.StatusNotFound, "submission_not_found")
			return
		}
		reply(j)
	default:
		refuse(http.StatusNotFound, "not_found")
	}
}

func TestPublish(t *testing.T) {
	d := mustLoad(t)
	d.Problems = d.Problems[:1]
	content, err := d.Problems[0].testdata()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		status int
		want   []string
	}{
		{"first time", http.StatusOK, []string{"put problem", "publish"}},
		{"test data is there already", http.StatusPreconditionFailed, []string{"put problem", "publish"}},
		{"upload refused", http.StatusForbidden, []string{"put problem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeAPI(t)
			f.putStatus = c.status
			err := publish(t.Context(), f.producer(), d)
			if (err != nil) != (len(c.want) == 1) {
				t.Errorf("got error %v", err)
			}
			if diff := cmp.Diff(c.want, f.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if got := f.uploads["/bucket/testdata/"+describe(content).SHA256]; string(got) != string(content) {
				t.Errorf("uploaded %d bytes, want %d", len(got), len(content))
			}
		})
	}
}

func TestSubmit(t *testing.T) {
	d := mustLoad(t)
	inline, uploaded, killed := d.Submissions[1], d.Submissions[0], d.Submissions[2]
	if inline.Upload || !uploaded.Upload || killed.Upload {
		t.Fatal("the first three submissions are not what this test needs")
	}
	d.Submissions, d.Killed = []submission{uploaded, inline, killed}, killed.Name
	f := newFakeAPI(t)
	if err := submit(t.Context(), f.producer(), d, "run"); err != nil {
		t.Fatal(err)
	}
	// The killed one first, then the uploaded one in three calls, then the other.
	if diff := cmp.Diff([]string{"create", "create", "submit", "create"}, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for where, s := range map[string]submission{
		"inline/run-" + inline.Name:         inline,
		"/bucket/code/run-" + uploaded.Name: uploaded,
		"inline/run-" + killed.Name:         killed,
	} {
		want, err := s.code()
		if err != nil {
			t.Fatal(err)
		}
		if string(f.uploads[where]) != string(want) {
			t.Errorf("%s: got %d bytes, want %d", where, len(f.uploads[where]), len(want))
		}
	}
}

func TestCallRepeats(t *testing.T) {
	f := newFakeAPI(t)
	f.jobs["a"] = job{ID: "a", State: "queued"}
	var j job
	f.fail = maxCalls - 1
	if err := f.producer().call(t.Context(), http.MethodGet, "/jobs/a", nil, &j); err != nil || j.State != "queued" {
		t.Errorf("got %+v, %v", j, err)
	}
	f.fail = maxCalls
	if err := f.producer().call(t.Context(), http.MethodGet, "/jobs/a", nil, &j); err == nil {
		t.Error("no error although the API was away all the time")
	}
	err := f.producer().call(t.Context(), http.MethodGet, "/jobs/b", nil, &j)
	if err == nil || !strings.Contains(err.Error(), "404 submission_not_found") {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestQueryAsksInParts(t *testing.T) {
	f := newFakeAPI(t)
	var ids []string
	for i := range 2*maxQuery + 1 {
		id := fmt.Sprintf("j%d", i)
		ids = append(ids, id)
		f.jobs[id] = job{ID: id, State: "queued"}
	}
	jobs, err := query(t.Context(), f.producer(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != len(ids) {
		t.Errorf("%d jobs, want %d", len(jobs), len(ids))
	}
	if diff := cmp.Diff([]int{maxQuery, maxQuery, 1}, f.queried); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if _, err := query(t.Context(), f.producer(), []string{"unknown"}); err == nil {
		t.Error("a missing job is no error")
	}
}

func TestProgress(t *testing.T) {
	queued := map[string]job{"a": {State: "finished"}, "b": {State: "claimed"}, "c": {State: "queued"}}
	final := map[string]job{"a": {State: "finished"}, "b": {State: "cancelled"}}
	for _, c := range []struct {
		name     string
		terminal bool
		want     string // with the times left out
	}{
		{"terminal", true, "\r s  1 of 3 judged, 1 claimed, 1 queued\x1b[K\r s  1 of 3 judged, 1 claimed, 1 queued\x1b[K\r\x1b[K s  killed x\n\r s  2 of 2 judged, 0 claimed, 0 queued\x1b[K\n"},
		{"file", false, " s  1 of 3 judged, 1 claimed, 1 queued\n s  killed x\n s  2 of 2 judged, 0 claimed, 0 queued\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the time is told, and stands still
				var out strings.Builder
				p := &progress{out: &out, terminal: c.terminal, began: time.Now()}
				for range 2 {
					if p.show(queued) {
						t.Error("done although jobs are open")
					}
				}
				p.note("killed %s", "x")
				if !p.show(final) {
					t.Error("not done although every job is final")
				}
				if got := strings.ReplaceAll(out.String(), "  0.0", ""); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}
