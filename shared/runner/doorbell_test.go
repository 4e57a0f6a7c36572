package runner

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

const slowPoll = 300 // seconds, for who sits

// bell is the doorbell of a fakeServer: its own server, on connections in
// memory, so that synctest knows when all waits.
type bell struct {
	http.Transport
	t     *testing.T
	pipes chan net.Conn
	over  chan struct{}

	mu           sync.Mutex
	lies         bool // gives seats to who is gone
	url          string
	status       int  // of refused handshakes; 0: none is
	mute         bool // answers nothing
	handshakes   int
	lives        []*lives // of connections
	seat, number int64    // who sits, the last number
	seats        []int64  // that syncs named
	reply        func()   // called before a reply that names a seat
}

type lives struct {
	conn         *websocket.Conn
	began, ended time.Time
	heard        int // messages
}

func newBell(t *testing.T, s *fakeServer) *bell {
	b := &bell{t: t, url: "ws://doorbell.test/doorbell", pipes: make(chan net.Conn), over: make(chan struct{})}
	b.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case b.pipes <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	server := &http.Server{Handler: b}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(b)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		b.CloseIdleConnections()
		<-served
	})
	s.bell = b
	return b
}

func (b *bell) Accept() (net.Conn, error) {
	select {
	case conn := <-b.pipes:
		return conn, nil
	case <-b.over:
		return nil, net.ErrClosed
	}
}

func (b *bell) Addr() net.Addr { return &net.TCPAddr{} }

func (b *bell) Close() error {
	close(b.over)
	return nil
}

func (b *bell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.handshakes++
	status := b.status
	b.mu.Unlock()
	if r.Header.Get("X-Runner-Token") != token || r.Header.Get("X-Runner-Name") != name {
		b.t.Error("handshake without the runner's headers")
	}
	if status != 0 {
		w.Header().Set("Location", "http://thief.test/")
		http.Error(w, "no", status)
		return
	}
	b.mu.Lock() // it is known before the runner can sync again
	conn, err := websocket.Accept(w, r, nil)
	life := &lives{conn: conn, began: time.Now()}
	b.lives = append(b.lives, life)
	b.mu.Unlock()
	if err != nil {
		b.t.Error(err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	for {
		_, _, err := conn.Read(context.Background())
		b.mu.Lock()
		if err != nil {
			life.ended, b.seat = time.Now(), 0
			b.mu.Unlock()
			return
		}
		life.heard++
		mute := b.mute
		b.mu.Unlock()
		if !mute {
			_ = conn.Write(context.Background(), websocket.MessageText, []byte("{}"))
		}
	}
}

// visit is what a sync says and hears of the doorbell.
func (b *bell) visit(data map[string]any, in syncBody) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data["doorbell"] = b.url
	if in.Slots == 0 {
		return
	}
	b.seats = append(b.seats, in.Seat)
	last := len(b.lives) - 1
	if len(data["jobs"].([]map[string]any)) > 0 || last < 0 || !b.lives[last].ended.IsZero() && !b.lies {
		return
	}
	if in.Seat == 0 || in.Seat != b.seat {
		b.number++
		b.seat = b.number
	}
	data["seat"], data["pollSeconds"] = b.seat, slowPoll
	if b.reply != nil {
		b.reply()
	}
}

// say sends a text on the last connection.
func (b *bell) say(text string) {
	b.mu.Lock()
	conn := b.lives[len(b.lives)-1].conn
	b.mu.Unlock()
	_ = conn.Write(context.Background(), websocket.MessageText, []byte(text))
}

func (b *bell) ring() {
	b.mu.Lock()
	seat := b.seat
	b.seat = 0
	b.mu.Unlock()
	b.say(fmt.Sprintf(`{"ring":%d}`, seat))
}

// rest sleeps, and lets what happens then come to its end.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// listens runs a runner with a doorbell, and gives what it logged.
func listens(t *testing.T, do func(s *fakeServer, b *bell, r *Runner)) (log string) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		b := newBell(t, s)
		r := newRunner(t, s, dir, accept(time.Millisecond))
		var text bytes.Buffer
		r.Doorbell, r.Log = true, slog.New(slog.NewTextHandler(&text, nil))
		var drain time.Time
		if err := during(t, r, func() {
			rest(time.Second)
			do(s, b, r)
			drain = time.Now()
		}); err != nil || time.Since(drain) > time.Second {
			t.Fatalf("the drain took %v: %v", time.Since(drain), err)
		}
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if last := b.lives[len(b.lives)-1]; last.ended.IsZero() {
			t.Error("the drain leaves a connection open")
		}
		log = text.String()
	})
	return log
}

// named returns the seats that syncs have named since the last time, 0 for none.
func (b *bell) named() []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.seats = nil }()
	return b.seats
}

// meanwhile does something while the next sync is under way, and rings for that.
func (b *bell) meanwhile(s *fakeServer, do func()) {
	b.mu.Lock()
	b.reply = func() {
		b.reply = nil
		b.mu.Unlock()
		defer b.mu.Lock()
		s.pausing(func() { do(); time.Sleep(3 * time.Second) })
	}
	b.mu.Unlock()
	b.say(`{"ring":0}`)
	rest(10 * time.Second)
}

func TestARingWakesAtOnce(t *testing.T) {
	log := listens(t, func(s *fakeServer, b *bell, _ *Runner) {
		b.named()
		for i := range 3 {
			rest(100 * time.Second)
			id, seats := fmt.Sprint("j", i), b.named()
			s.add(id)
			b.ring()
			rest(10 * time.Millisecond)
			if _, done := s.result(id); !done || len(seats) != 0 || b.named()[0] != 0 {
				t.Errorf("%s judged 10 ms after the ring: %v, seats named before: %v", id, done, seats)
			}
		}
		// It polls seldom, from its seat, and nothing changes by that.
		rest(15 * slowPoll * time.Second)
		seats := b.named()
		if all := slices.Compact(slices.Clone(seats)); len(seats) < 12 || len(seats) > 20 || len(all) != 1 || all[0] == 0 {
			t.Errorf("seats named: %v, want the same about 15 times", seats)
		}
	})
	if !strings.Contains(log, "the doorbell is heard") {
		t.Errorf("the log does not say that the doorbell is heard:\n%s", log)
	}
}

func TestRings(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(s *fakeServer, b *bell, r *Runner)
		want string // seats named, or what is judged
	}{
		"before the reply that names its seat": {func(s *fakeServer, b *bell, _ *Runner) { b.meanwhile(s, b.ring) }, "[1 0 2]"}, // and again 2 s after the ring in vain
		"a reply names a seat of an earlier connection": {func(s *fakeServer, b *bell, _ *Runner) {
			b.meanwhile(s, func() { _ = b.lives[0].conn.CloseNow() })
		}, "[1 0]"},
		"in the pause of a faulty runner": {func(_ *fakeServer, b *bell, r *Runner) {
			r.faults.Store(1)
			b.ring()
			rest(firstFaultPause - time.Second)
		}, "[]"},
		"and the call for it fails": {func(s *fakeServer, b *bell, _ *Runner) {
			s.on("sync", times(2, away))
			b.ring()
			rest(5 * time.Second)
		}, "[0]"},
		"while no slot is free": {func(s *fakeServer, b *bell, r *Runner) {
			r.Executor = accept(30 * time.Second)
			s.add("a", "b")
			b.ring()
			rest(time.Second)
			b.say(`{"ring":0}`)
			rest(10 * time.Second)
		}, "[0]"},
	} {
		t.Run(what, func(t *testing.T) {
			listens(t, func(s *fakeServer, b *bell, r *Runner) {
				b.named()
				c.do(s, b, r)
				if got := fmt.Sprint(b.named()); got != c.want {
					t.Errorf("seats named: %s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestWithoutAConnectionItPollsAsBefore(t *testing.T) {
	for what, spoil := range map[string]func(b *bell){
		"refused 401":       func(b *bell) { b.status = 401 },
		"refused 403":       func(b *bell) { b.status = 403 },
		"refused 404":       func(b *bell) { b.status = 404 },
		"redirected":        func(b *bell) { b.status = 307 },
		"no TLS at all":     func(b *bell) { b.url = "wss://doorbell.test/" },
		"not an address":    func(b *bell) { b.url = "wss://user:secret@doorbell.test/" },
		"a table that lies": func(b *bell) { b.status, b.lies = 401, true },
	} {
		t.Run(what, func(t *testing.T) {
			log := listens(t, func(_ *fakeServer, b *bell, _ *Runner) {
				b.mu.Lock()
				spoil(b)
				last := b.lives[len(b.lives)-1].conn
				b.mu.Unlock()
				_ = last.CloseNow()
				rest(10 * time.Second)
				b.named()
				rest(time.Hour)
				poll := map[bool]int{false: 5, true: 15}[b.lies]
				if seats := b.named(); len(seats) < 3300/poll || len(seats) > 4000/poll || slices.Max(seats) != 0 || b.handshakes > 30 {
					t.Errorf("%d syncs in an hour, want one each %d s; %d handshakes", len(seats), poll, b.handshakes)
				}
			})
			if n := strings.Count(log, "the doorbell cannot be heard"); n < 1 || n > 2 || strings.Contains(log, "secret") {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

func TestALostConnection(t *testing.T) {
	for what, c := range map[string]struct {
		lose   func(b *bell)
		within time.Duration
	}{
		"closed":          {func(b *bell) { go func() { _ = b.lives[0].conn.CloseNow() }() }, 3 * time.Second},
		"never answers":   {func(b *bell) { b.mute = true }, aliveEvery + answerWithin + 3*time.Second},
		"too long a text": {func(b *bell) { go b.say(strings.Repeat("x", maxRingMessage+1)) }, 3 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			listens(t, func(s *fakeServer, b *bell, _ *Runner) {
				b.mu.Lock()
				c.lose(b)
				b.mu.Unlock()
				rest(c.within)
				if len(b.lives) != 2 || b.lives[0].ended.IsZero() || b.lives[1].began.Before(b.lives[0].ended) {
					t.Fatalf("%d connections, the first until %v", len(b.lives), b.lives[0].ended)
				}
				seen, seats := s.seen("sync"), b.named()
				if seen[len(seen)-1].at.Before(b.lives[1].began) || seats[len(seats)-1] != 0 {
					t.Errorf("connected, and no sync without a seat: %v", seats)
				}
				s.add("a")
				b.ring()
				rest(10 * time.Millisecond)
				if _, done := s.result("a"); !done {
					t.Error("the new connection is not heard")
				}
			})
		})
	}
}

func TestAConnectionIsKeptAndRenewed(t *testing.T) {
	log := listens(t, func(_ *fakeServer, b *bell, _ *Runner) {
		b.named()
		for range 10 { // what is no ring
			for _, text := range []string{"", "ring", "{}", `{"ring":"1"}`, `{"ring":1.5}`, `{"message":"Forbidden"}`, "[1]"} {
				b.say(text)
			}
		}
		rest(time.Second)
		if seats := b.named(); len(seats) != 0 {
			t.Errorf("%d syncs for what is no ring", len(seats))
		}
		rest(12 * time.Hour)
		defer time.Sleep(2 * time.Hour)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.status = 401
		if n := len(b.lives); n < 7 || n > 8 {
			t.Errorf("%d connections in 12 hours", n)
		}
		for i, life := range b.lives[:len(b.lives)-1] {
			if lived := life.ended.Sub(life.began); lived < renewFrom || lived > renewTo || life.heard < int(renewFrom/aliveEvery) {
				t.Errorf("connection %d lived for %v and heard %d messages", i, lived, life.heard)
			}
			if next := b.lives[i+1].began; next.Before(life.ended) || next.Sub(life.ended) > time.Second {
				t.Errorf("connection %d begins %v after the end of the one before", i+1, next.Sub(life.ended))
			}
		}
		if n := len(b.seats); n > 12*3600/(slowPoll*3/4)+len(b.lives) {
			t.Errorf("%d syncs", n)
		}
	})
	if strings.Count(log, "cannot be heard") != 1 {
		t.Errorf("the log does not say once that the next connection fails:\n%s", log)
	}
}

func TestADoorbellThatMovesAndGoes(t *testing.T) {
	log := listens(t, func(_ *fakeServer, b *bell, _ *Runner) {
		for _, url := range []string{"ws://other.test/doorbell", ""} {
			b.mu.Lock()
			b.url = url
			b.mu.Unlock()
			b.say(`{"ring":0}`)
			rest(time.Second)
		}
		if len(b.lives) != 2 || b.lives[1].ended.IsZero() || b.lives[1].began.Before(b.lives[0].ended) {
			t.Errorf("%d connections, not one after the other", len(b.lives))
		}
	})
	if !strings.Contains(log, "the server has no doorbell") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestAFloodOfRingsIsBounded(t *testing.T) {
	listens(t, func(_ *fakeServer, b *bell, _ *Runner) {
		b.named()
		begin := time.Now()
		for range 500 {
			b.say(`{"ring":0}`)
		}
		took := time.Since(begin)
		if n, most := len(b.named()), looksAtOnce+looksPerSecond*int(took.Seconds()+1); n > most {
			t.Errorf("%d syncs in %v, want at most %d", n, took, most)
		}
		if took < 5*time.Second {
			t.Errorf("500 messages were read in %v", took)
		}
	})
}

func TestOnlyWhereItIsWanted(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		b := newBell(t, s)
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { rest(time.Minute) }); err != nil || b.handshakes != 0 {
			t.Errorf("%d handshakes, %v", b.handshakes, err)
		}
	})
}

func TestWhereADoorbellMayBe(t *testing.T) {
	for text, want := range map[string]string{
		"http: ws://127.0.0.1:8080/doorbell":                      "",
		"http: wss://other.example/dev":                           "",
		"https: wss://abc.execute-api.example/dev":                "",
		"https: https://abc.execute-api.example/dev":              "",
		"https: ws://api.example/doorbell":                        "without TLS",
		"https: http://api.example/doorbell":                      "without TLS",
		"https: wss://user:pass@api.example/doorbell":             "not ws(s)",
		"https: /doorbell":                                        "not ws(s)",
		"https: wss://":                                           "not ws(s)",
		"https: file://host/x":                                    "scheme",
		"https: wss://api.example/" + strings.Repeat("x", maxURL): "not ws(s)",
	} {
		scheme, address, _ := strings.Cut(text, ": ")
		_, err := doorbellURL(&url.URL{Scheme: scheme, Host: "api.example"}, address)
		if fmt.Sprint(err) != "<nil>" && want == "" || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
