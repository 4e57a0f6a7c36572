package faults

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// What a relay does to a WebSocket.
const (
	cut      = "cut"       // within a second
	delayed  = "delayed"   // what the server says comes late
	halfOpen = "half-open" // what the server says from some moment on is lost without a word
	refused  = "refused"   // before its handshake
)

var faults = []string{cut, delayed, halfOpen, refused}

// relay stands between runners and a server, as a network does, and spoils
// WebSockets while it is on. Other connections pass.
type relay struct {
	net.Listener
	to string

	mu       sync.Mutex
	on       bool
	random   *rand.Rand
	injected map[string]int
	conns    map[net.Conn]bool
	all      sync.WaitGroup
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: listener, to: to, random: rand.New(rand.NewPCG(1, 0)), injected: map[string]int{}, conns: map[net.Conn]bool{}}
	r.all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			r.all.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		for c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.all.Wait()
	})
	return r
}

func (r *relay) spoil(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = on
}

func (r *relay) spoils() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on
}

// didAll reports whether there was each fault.
func (r *relay) didAll() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.injected) == len(faults)
}

func (r *relay) note(c net.Conn, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns[c] = true; !open {
		delete(r.conns, c)
		_ = c.Close()
	}
}

// fate is what happens to a connection that begins with some bytes.
func (r *relay) fate(begin []byte) (fault string, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.on || !bytes.HasPrefix(begin, []byte("GET /doorbell ")) {
		return "", 0
	}
	fault = faults[r.random.IntN(len(faults))]
	r.injected[fault]++
	return fault, time.Duration(r.random.Int64N(int64(time.Second)))
}

func (r *relay) pass(runner net.Conn) {
	r.note(runner, true)
	defer r.note(runner, false)
	begin := make([]byte, 4<<10)
	n, err := runner.Read(begin)
	fault, after := r.fate(begin[:n])
	if err != nil || fault == refused {
		return
	}
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	r.note(server, true)
	defer r.note(server, false)
	if _, err := server.Write(begin[:n]); err != nil {
		return
	}
	if fault == cut {
		time.AfterFunc(after, func() { r.note(runner, false); r.note(server, false) })
	}
	var back sync.WaitGroup
	back.Go(func() {
		spoiled := time.Now().Add(after)
		text := make([]byte, 32<<10)
		for {
			n, err := server.Read(text)
			switch {
			case err != nil:
				r.note(runner, false)
				return
			case fault == delayed && r.spoils():
				time.Sleep(after)
			case fault == halfOpen && time.Now().After(spoiled):
				continue
			}
			if _, err := runner.Write(text[:n]); err != nil {
				return
			}
		}
	})
	_, _ = io.Copy(server, runner)
	r.note(server, false)
	back.Wait()
}
