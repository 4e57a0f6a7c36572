package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
)

// ear is a runner that listens.
type ear struct {
	t      testing.TB
	s      *started
	client *http.Client
	name   string
	socket *websocket.Conn
}

type visited struct {
	Jobs        []struct{ SubmissionID, Token string }
	PollSeconds int
	Doorbell    string
	Seat        int64
}

func listen(t testing.TB, s *started, client *http.Client, name string) *ear {
	t.Helper()
	e := &ear{t: t, s: s, client: client, name: name}
	url := e.sync(0).Doorbell
	socket, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{
		"X-Runner-Token": {s.RunnerToken}, "X-Runner-Name": {name},
	}})
	if err != nil {
		t.Fatal(err)
	}
	e.socket = socket
	return e
}

func (e *ear) sync(seat int64) (got visited) {
	e.t.Helper()
	c := wire.Client{URL: e.s.URL, RunnerToken: e.s.RunnerToken, HTTP: e.client}
	reply, err := c.Do(e.t.Context(), "POST", "/runner/sync", e.name, fmt.Sprintf(`{"slots":1,"seat":%d}`, seat))
	if err == nil {
		err = json.Unmarshal(reply.Text, &struct{ Data *visited }{&got})
	}
	if err != nil || reply.Status != http.StatusOK {
		e.t.Fatal(reply.Status, string(reply.Text), err)
	}
	return got
}

// heard reads one text within a time; it returns "" if there is none, and the line has ended.
func (e *ear) heard(within time.Duration) string {
	ctx, cancel := context.WithTimeout(e.t.Context(), within)
	defer cancel()
	_, text, err := e.socket.Read(ctx)
	if err != nil {
		return ""
	}
	return string(text)
}

func (e *ear) hangUp() { _ = e.socket.CloseNow() }

func withProblem(t testing.TB, client *http.Client, args ...string) *started {
	t.Helper()
	s := start(t, args...)
	publish(t, wire.Client{URL: s.URL, ProducerToken: s.ProducerToken, HTTP: client})
	return s
}

func publish(t testing.TB, c wire.Client) {
	t.Helper()
	for _, r := range [][3]string{{"PUT", "/problems/1", aProblem}, {"POST", "/problems/1/publish", ""}} {
		if reply, err := c.Do(t.Context(), r[0], r[1], "", r[2]); err != nil || reply.Status >= 300 {
			t.Fatal(reply, err)
		}
	}
}

func TestDoorbell(t *testing.T) {
	defer until.NoGoroutine(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	s := withProblem(t, client)
	defer s.end(t)
	deaf := &ear{t: t, s: s, client: client, name: "deaf"}
	if got := deaf.sync(0); got.Seat != 0 || got.PollSeconds > 1 || got.Doorbell == "" {
		t.Errorf("a runner without a connection got %+v", got)
	}
	a := listen(t, s, client, "a")
	defer a.hangUp()
	first := a.sync(0)
	if again := a.sync(first.Seat); first.Seat == 0 || first.PollSeconds != 60 || again.Seat != first.Seat {
		t.Fatalf("sat down as %+v, then %+v", first, again)
	}
	for i := range 3 {
		seat := a.sync(0).Seat
		s.do(t, client, "", "POST", "/jobs", aJob(fmt.Sprint("j", i)))
		if got, want := a.heard(until.Hang), fmt.Sprintf(`{"ring":%d}`, seat); got != want {
			t.Fatalf("heard %q, want %q", got, want)
		}
		if got := a.sync(0); len(got.Jobs) != 1 || got.Seat != 0 || got.PollSeconds != 0 {
			t.Fatalf("rung, and then got %+v", got)
		}
	}
	if err := a.socket.Write(t.Context(), websocket.MessageText, []byte(`{"keep":1}`)); err != nil || a.heard(until.Hang) == "" {
		t.Errorf("no answer to a word that keeps the line open: %v", err)
	}

	// A new connection replaces the old one, on the bench too.
	seat := a.sync(0).Seat
	b := listen(t, s, client, "a")
	defer b.hangUp()
	if got := a.heard(until.Hang); got != "" {
		t.Errorf("the replaced connection heard %q", got)
	}
	time.Sleep(2 * time.Millisecond) // a seat's number tells its millisecond
	if next := b.sync(seat); next.Seat == 0 || next.Seat == seat {
		t.Errorf("the seat of the replaced connection is %d, and now %+v", seat, next)
	}
	// A request that is no handshake does not.
	c := wire.Client{URL: s.URL, RunnerToken: s.RunnerToken, HTTP: client}
	if reply, err := c.Do(t.Context(), "GET", "/doorbell", "a", ""); err != nil || reply.Status != http.StatusUpgradeRequired {
		t.Errorf("no handshake: %v, %v", reply.Status, err)
	}
	s.do(t, client, "", "POST", "/jobs", aJob("j9"))
	if b.heard(until.Hang) == "" {
		t.Error("the new connection heard nothing")
	}
}

func TestDoorbellRefusesAsTheRoutesDo(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	s := withProblem(t, client)
	defer s.end(t)
	for _, c := range []struct{ token, name string }{{"rlr_wrong", "a"}, {"", "a"}, {s.RunnerToken, ""}, {s.RunnerToken, "no name!"}, {s.ProducerToken, "a"}} {
		ask := func(method, path string, more ...string) (int, string) {
			w := wire.Client{URL: s.URL, HTTP: client}
			reply, err := w.Do(t.Context(), method, path, "x", "{}", append(more, "X-Runner-Token", c.token, "X-Runner-Name", c.name)...)
			if err != nil {
				t.Fatal(err)
			}
			return reply.Status, string(reply.Text)
		}
		status, body := ask("GET", "/doorbell", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
		wantStatus, wantBody := ask("POST", "/runner/sync")
		if status != wantStatus || body != wantBody || status < 400 {
			t.Errorf("%q as %q: %d %s, want %d %s", c.token, c.name, status, body, wantStatus, wantBody)
		}
	}
}
