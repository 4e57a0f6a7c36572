package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"runlease/shared/doorbell"
	"runlease/shared/testkit/wire"
)

// TestARingIntoTheVoid: two runners wait, and the ring for a job goes where no runner
// hears it. The job is handed in without delay, and the other runner is rung.
func TestARingIntoTheVoid(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *server, *ear){
		// The other side does not read on, so pings have no answer, while the system takes what is
		// posted: a line that is half open looks the same.
		"half-open line": func(*testing.T, *server, *ear) {},
		// Writing stands still in the middle of a message.
		"a runner that never reads": func(t *testing.T, s *server, deaf *ear) {
			s.doorway.mu.Lock()
			at := s.doorway.lines["1"]
			s.doorway.mu.Unlock()
			<-at.opened
			go func() { _ = at.socket.Write(t.Context(), websocket.MessageBinary, make([]byte, 64<<20)) }()
			if _, _, err := deaf.socket.Reader(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"a connection that is gone": func(t *testing.T, s *server, _ *ear) {
			if err := s.dispatch.Disconnected(t.Context(), "1"); err != nil {
				t.Fatal(err)
			}
			if _, sat, err := s.dispatch.Benches.Sit(t.Context(), 0, "0", doorbell.Seat(1, 0)); !sat || err != nil {
				t.Fatal(sat, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var handler http.Handler
			listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
			defer listening.Close()
			where, err := inMemory(nil, listening.URL)
			if err != nil {
				t.Fatal(err)
			}
			s := newServer(edge{origin: listening.URL}, where, 60, slog.New(slog.DiscardHandler))
			defer s.doorway.shut()
			pinged := make(chan time.Time, 1) // the deaf one: the other does not read yet
			s.doorway.pingTimeout = 500 * time.Millisecond
			s.doorway.pings = func(runner string) (<-chan time.Time, func()) {
				return map[string]chan time.Time{"deaf": pinged}[runner], func() {}
			}
			s.dispatch.Choose = func(int) int { return 0 } // the least id, that of the deaf one
			handler = s.handler()
			client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute} // of a hand-in that is delayed for ever
			defer client.CloseIdleConnections()
			at := &started{hello: hello{URL: listening.URL}}
			at.RunnerToken, at.ProducerToken = issued(t, s)
			publish(t, wire.Client{URL: at.URL, ProducerToken: at.ProducerToken, HTTP: client})
			deaf := listen(t, at, client, "deaf")
			defer deaf.hangUp()
			good := listen(t, at, client, "good")
			defer good.hangUp()
			if deaf.sync(0).Seat == 0 || good.sync(0).Seat == 0 {
				t.Fatal("they do not sit")
			}
			spoil(t, s, deaf)
			if status, text := at.do(t, client, "", "POST", "/jobs", aJob("j2")); status != http.StatusCreated {
				t.Errorf("handed in: %d %s", status, text)
			}
			pinged <- time.Now()
			if good.heard(time.Minute) == "" {
				t.Fatal("the other runner was not rung")
			}
			if got := good.sync(0); len(got.Jobs) != 1 {
				t.Errorf("rung, and then got %+v", got)
			}
			if l, known, err := s.dispatch.Benches.Listener(t.Context(), "deaf"); err != nil || known {
				t.Errorf("who cannot be rung is still known: %+v, %v", l, err)
			}
		})
	}
}
