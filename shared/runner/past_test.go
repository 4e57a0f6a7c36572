package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/runner/execute"
)

// past answers as a server of an earlier version did.
type past struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]exchanged // by route, in the order of then; the last one is given again
	jobs    []json.RawMessage      // syncs gave them out
	items   map[string][]json.RawMessage
	used    map[string]bool // routes
	reasons []string        // of releases
}

type exchanged struct {
	Method, Path string
	Status       int
	Reply        json.RawMessage
	ReplyBytes   []byte
}

type pastSync struct {
	Done, Active, Jobs []json.RawMessage
	PollSeconds        int `json:"pollSeconds"`
	HeartbeatSeconds   int `json:"heartbeatSeconds"`
}

func idOf(item json.RawMessage) (id struct {
	ID string `json:"submissionId"`
},
) {
	_ = json.Unmarshal(item, &id)
	return id
}

// route is a request without what a later version may ask otherwise.
func route(method, path string) string {
	if strings.HasPrefix(path, "/runner") {
		path, _, _ = strings.Cut(path, "?")
	}
	return method + " " + path
}

func readPast(t *testing.T, file string) *past {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &past{t: t, answers: map[string][]exchanged{}, items: map[string][]json.RawMessage{}, used: map[string]bool{}}
	for line := range bytes.Lines(text) {
		var e exchanged
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Path, "/runner") && !strings.HasPrefix(e.Path, "/blobs") {
			continue
		}
		p.answers[route(e.Method, e.Path)] = append(p.answers[route(e.Method, e.Path)], e)
		var reply struct{ Data pastSync }
		if e.Path == "/runner/sync" {
			_ = json.Unmarshal(e.Reply, &reply)
			p.jobs = append(p.jobs, reply.Data.Jobs...)
			for _, item := range append(reply.Data.Done, reply.Data.Active...) {
				p.items[idOf(item).ID] = append(p.items[idOf(item).ID], item)
			}
		}
	}
	if len(p.answers) < 15 || len(p.jobs) != 4 {
		t.Fatalf("%s has %d routes and %d jobs", file, len(p.answers), len(p.jobs))
	}
	return p
}

func (p *past) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	key := route(r.Method, r.URL.RequestURI())
	all := p.answers[key]
	if len(all) == 0 {
		p.t.Errorf("a request that was none then: %s", key)
		return nil, errors.New("no such route")
	}
	p.used[key] = true
	if len(all) > 1 {
		p.answers[key] = all[1:]
	}
	text := slices.Concat([]byte(all[0].Reply), all[0].ReplyBytes)
	if r.URL.Path == "/runner/sync" {
		text = p.sync(body)
	}
	if strings.HasSuffix(r.URL.Path, "/release") {
		var said struct{ Reason string }
		_ = json.Unmarshal(body, &said)
		p.reasons = append(p.reasons, said.Reason)
	}
	return &http.Response{StatusCode: all[0].Status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

func (p *past) asked(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.used {
		if strings.Contains(key, what) {
			return true
		}
	}
	return false
}

// sync answers what is asked now with what was answered then, job by job.
func (p *past) sync(body []byte) []byte {
	var asked struct {
		Slots        int
		Done, Active []json.RawMessage
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		p.t.Error(err)
	}
	answer := pastSync{[]json.RawMessage{}, []json.RawMessage{}, []json.RawMessage{}, 1, 1}
	next := func(item json.RawMessage, want string) json.RawMessage {
		items := p.items[idOf(item).ID]
		at := slices.IndexFunc(items, func(i json.RawMessage) bool { return bytes.Contains(i, []byte(want)) })
		if at < 0 {
			p.t.Errorf("no answer with %s to %.80s", want, item)
			return []byte(`{}`)
		}
		return items[at]
	}
	for _, item := range asked.Done {
		answer.Done = append(answer.Done, next(item, `"code"`))
	}
	for _, item := range asked.Active {
		answer.Active = append(answer.Active, next(item, `"action"`))
	}
	if asked.Slots > 0 && len(p.jobs) > 0 {
		answer.Jobs, p.jobs = p.jobs[:1], p.jobs[1:]
	}
	text, err := json.Marshal(map[string]any{"data": answer, "message": "ok", "status": "ok"})
	if err != nil {
		p.t.Error(err)
	}
	return text
}

// asWritten does as the recorded programs do, for as long.
var asWritten = execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
	program, err := os.ReadFile(filepath.Join(in.SourceDir, "main.py"))
	if err != nil {
		return nil, err
	}
	var seconds float64
	if _, after, sleeps := bytes.Cut(program, []byte("sleep(")); sleeps {
		_, err = fmt.Sscanf(string(after), "%f", &seconds)
	}
	cases, sleepErr := accept(time.Duration(seconds*float64(time.Second)))(ctx, in)
	if bytes.Contains(program, []byte("3000000")) {
		cases[0][0].Stdout = strings.Repeat("a", 3_000_000)
	}
	return cases, errors.Join(err, sleepErr)
})

func TestServersOfEarlierVersions(t *testing.T) {
	files, err := filepath.Glob("testdata/past/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for _, compat := range []bool{false, true} {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := readPast(t, file)
				s := newFakeServer(t)
				r := newRunner(t, s, dir, asWritten)
				r.Slots, r.Lease, r.Compat, r.Doorbell = 1, 4*time.Second, compat, true
				r.Client, err = NewClient("http://server", token, name, p)
				if err != nil {
					t.Fatal(err)
				}
				prefix := map[bool]string{false: "s", true: "c"}[compat]
				if err := during(t, r, func() {
					for n := 0; n < 1000 && !p.asked("/code/"+prefix+"4"); n++ { // the job during which the runner was stopped
						time.Sleep(100 * time.Millisecond)
					}
				}); err != nil {
					t.Fatal(err)
				}
				for key := range p.answers {
					if mine := regexp.MustCompile("/" + prefix + "[1-4]/"); mine.MatchString(key) && !p.used[key] {
						t.Errorf("%s, compat %v: not asked: %s", file, compat, key)
					}
				}
				if want := []string{"cancelled", "drain"}; !slices.Equal(p.reasons, want) || len(spooled(t, r)) > 0 {
					t.Errorf("%s, compat %v: released with %v, want %v; %d results left", file, compat, p.reasons, want, len(spooled(t, r)))
				}
			})
		}
	}
}
