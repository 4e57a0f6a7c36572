package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/runner/execute"
)

// past answers as the server of an earlier version did, one request at a time.
type past struct {
	t        *testing.T
	turn     chan struct{}
	answers  map[string][]pastReply // by route, in the order of then; the last one is given again
	sync     pastSync               // all items of all syncs
	reasons  []string               // of releases
	answered map[string]bool        // routes
}

type pastReply struct {
	Method, Path string
	Status       int
	Reply        json.RawMessage
	ReplyBytes   []byte
}

type pastSync struct {
	Done         []json.RawMessage `json:"done"`
	Active       []json.RawMessage `json:"active"`
	Jobs         []json.RawMessage `json:"jobs"`
	PollSeconds  int               `json:"pollSeconds"`
	LeaseSeconds int               `json:"heartbeatSeconds"`
}

func readPast(t *testing.T, file string) *past {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &past{t: t, turn: make(chan struct{}, 1), answers: map[string][]pastReply{}, answered: map[string]bool{}}
	for line := range bytes.Lines(text) {
		var e pastReply
		var reply struct{ Data pastSync }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if e.Path == "/runner/sync" {
			_ = json.Unmarshal(e.Reply, &reply)
			p.sync.Jobs = append(p.sync.Jobs, reply.Data.Jobs...)
			p.sync.Done = append(p.sync.Done, reply.Data.Done...)
			p.sync.Active = append(p.sync.Active, reply.Data.Active...)
		}
		p.answers[routeOf(e.Method, e.Path)] = append(p.answers[routeOf(e.Method, e.Path)], e)
	}
	return p
}

// routeOf names a request, without what a later version may ask otherwise.
func routeOf(method, path string) string {
	if strings.HasPrefix(path, "/runner") {
		path, _, _ = strings.Cut(path, "?")
	}
	return method + " " + path
}

func (p *past) RoundTrip(r *http.Request) (*http.Response, error) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	route := routeOf(r.Method, r.URL.RequestURI())
	all := p.answers[route]
	switch {
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	case len(all) == 0:
		p.t.Errorf("a request that there was none of: %s", route)
		return nil, io.EOF
	}
	p.answered[route] = true
	p.answers[route] = all[min(1, len(all)-1):]
	text := slices.Concat([]byte(all[0].Reply), all[0].ReplyBytes)
	var said struct{ Reason string }
	switch {
	case r.URL.Path == "/runner/sync":
		text = p.answer(body)
	case strings.HasSuffix(r.URL.Path, "/release") && json.Unmarshal(body, &said) == nil:
		p.reasons = append(p.reasons, said.Reason)
	}
	return &http.Response{StatusCode: all[0].Status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text))}, nil
}

// answer gives each item of a sync the answer that it had then.
func (p *past) answer(body []byte) []byte {
	var asked pastSync
	if err := json.Unmarshal(body, &asked); err != nil {
		p.t.Error(err)
	}
	given := pastSync{Done: []json.RawMessage{}, Active: []json.RawMessage{}, Jobs: []json.RawMessage{}, PollSeconds: 1, LeaseSeconds: 1}
	find := func(from, items []json.RawMessage) (found []json.RawMessage) {
		for _, item := range items {
			id := regexp.MustCompile(`"submissionId":"\w+"`).Find(item)
			at := slices.IndexFunc(from, func(i json.RawMessage) bool { return bytes.Contains(i, id) })
			if at < 0 {
				p.t.Errorf("no answer to %.80s", item)
				continue
			}
			found = append(found, from[at])
		}
		return found
	}
	given.Done = append(given.Done, find(p.sync.Done, asked.Done)...)
	given.Active = append(given.Active, find(p.sync.Active, asked.Active)...)
	if bytes.Contains(body, []byte(`"slots":1`)) && len(p.sync.Jobs) > 0 {
		given.Jobs, p.sync.Jobs = p.sync.Jobs[:1], p.sync.Jobs[1:]
	}
	text, err := json.Marshal(map[string]any{"data": given, "message": "ok", "status": "ok"})
	if err != nil {
		p.t.Error(err)
	}
	return text
}

// TestServersOfEarlierVersions judges the recorded jobs for as long as they took,
// and stops the runner in the fourth, as then.
func TestServersOfEarlierVersions(t *testing.T) {
	files, err := filepath.Glob("testdata/past/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for n := range 2 * len(files) {
		file, compat, dir := files[n/2], n%2 == 1, t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			p := readPast(t, file)
			begun, fourth := 0, make(chan struct{})
			r := newRunner(t, newFakeServer(t), dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
				if begun++; begun == 4 {
					close(fourth)
				}
				program, _ := os.ReadFile(filepath.Join(in.SourceDir, "main.py"))
				var seconds float64
				_, _ = fmt.Sscanf(string(program), "import time\ntime.sleep(%f)", &seconds)
				cases, err := accept(time.Duration(seconds*float64(time.Second)))(ctx, in)
				if err == nil && seconds == 0 {
					cases[0][0].Stdout = strings.Repeat("a", 3_000_000)
				}
				return cases, err
			}))
			r.Slots, r.Lease, r.Compat, r.Doorbell = 1, 4*time.Second, compat, true
			if r.Client, err = NewClient("http://server", token, name, p); err != nil {
				t.Fatal(err)
			}
			if err := during(t, r, func() {
				select {
				case <-fourth:
				case <-time.After(time.Hour):
				}
			}); err != nil {
				t.Fatal(err)
			}
			mine := regexp.MustCompile(map[bool]string{false: "/runner/.*/s[1-4]/|/code/s", true: "/runner/.*/c[1-4]/|/code/c"}[compat])
			for route := range p.answers {
				if mine.MatchString(route) && !p.answered[route] {
					t.Errorf("%s, compat %v: not asked: %s", file, compat, route)
				}
			}
			if want := []string{"cancelled", "drain"}; !slices.Equal(p.reasons, want) || len(spooled(t, r)) > 0 {
				t.Errorf("%s, compat %v: released with %v, want %v; %d results left", file, compat, p.reasons, want, len(spooled(t, r)))
			}
		})
	}
}
