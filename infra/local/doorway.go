package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

const (
	// A line that does not answer a ping is dead, whatever TCP thinks of it.
	pingEvery   = 30 * time.Second
	pingTimeout = 10 * time.Second
	// A line that takes no ring within this time is not read: its buffers are full.
	// A hand-in that meets two of them still rings a third.
	postWithin = 200 * time.Millisecond
	// lineLife is how long a connection lasts at most, as on API Gateway: so long
	// does a revoked token hear rings, which tell nothing.
	lineLife = 2 * time.Hour
	// A runner sends a few bytes every few minutes.
	longestWord = 256 // bytes
)

// kept answers a message that a runner sends to keep its line open.
var kept = []byte(`{"kept":1}`)

// doorway holds the WebSockets of runners, and is dispatch.Posts.
type doorway struct {
	dispatch *dispatch.Dispatcher
	log      *slog.Logger
	// Of pings; a test has its own: when a runner's line is pinged, and how long an
	// answer may take.
	pings       func(runner string) (ticks <-chan time.Time, stop func())
	pingTimeout time.Duration

	mu      sync.Mutex
	entered int64
	lines   map[string]*line
	runners map[string]int // lines by runner
	closing bool
	open    sync.WaitGroup // lines
}

// line is one WebSocket.
type line struct {
	opened chan struct{} // closed when socket is set, or will not be
	socket *websocket.Conn
	end    context.CancelFunc
}

func newDoorway(d *dispatch.Dispatcher, log *slog.Logger) *doorway {
	return &doorway{
		dispatch: d, log: log, pings: steady, pingTimeout: pingTimeout,
		lines: make(map[string]*line), runners: make(map[string]int),
	}
}

func steady(string) (ticks <-chan time.Time, stop func()) {
	tick := time.NewTicker(pingEvery)
	return tick.C, tick.Stop
}

// Room reports whether one more connection fits in.
func (d *doorway) Room(_ context.Context, runner string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.closing && (len(d.lines) < doorbell.MaxListeners || d.runners[runner] == 1), nil
}

// Enter answers a handshake and keeps the connection until its end. The
// connection is noted before the runner hears that it is open: so the sync that
// it sends then finds it.
func (d *doorway) Enter(w http.ResponseWriter, r *http.Request, l doorbell.Listener) {
	if r.Header.Get("Sec-WebSocket-Key") == "" { // a browser or curl: it takes no runner's place
		_, err := websocket.Accept(w, r, nil) // refuses it
		d.log.InfoContext(r.Context(), "doorbell not opened", "runner", l.Runner, "error", err)
		return
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(r.Context()), lineLife)
	defer end()
	at := &line{opened: make(chan struct{}), end: end}
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		return
	}
	d.open.Add(1)
	defer d.open.Done()
	d.entered++
	l.Connection = strconv.FormatInt(d.entered, 36)
	d.lines[l.Connection] = at
	d.runners[l.Runner]++
	d.mu.Unlock()
	defer d.leave(ctx, l)
	socket, err := d.accept(ctx, w, r, l)
	at.socket = socket
	close(at.opened)
	if err != nil {
		d.log.WarnContext(ctx, "doorbell not opened", "runner", l.Runner, "error", err)
		return
	}
	err = d.listen(ctx, socket, l.Runner)
	status, why := websocket.StatusGoingAway, ""
	if errors.Is(err, errTalks) {
		status, why = websocket.StatusPolicyViolation, err.Error()
	}
	_ = socket.Close(status, why) // it may be dead
	d.log.InfoContext(ctx, "doorbell closed", "runner", l.Runner, "reason", err)
}

func (d *doorway) accept(ctx context.Context, w http.ResponseWriter, r *http.Request, l doorbell.Listener) (*websocket.Conn, error) {
	if err := d.dispatch.Connected(ctx, l); err != nil {
		http.Error(w, "doorbell not available", http.StatusServiceUnavailable)
		return nil, err
	}
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(longestWord)
	return socket, nil
}

func (d *doorway) leave(ctx context.Context, l doorbell.Listener) {
	d.mu.Lock()
	delete(d.lines, l.Connection)
	if d.runners[l.Runner]--; d.runners[l.Runner] == 0 {
		delete(d.runners, l.Runner)
	}
	d.mu.Unlock()
	if err := d.dispatch.Disconnected(context.WithoutCancel(ctx), l.Connection); err != nil {
		d.log.WarnContext(ctx, "connection not forgotten", "runner", l.Runner, "error", err)
	}
}

var errTalks = errors.New("too many messages: one every few minutes keeps the line open")

// listen answers what keeps the line open, and pings, until the line ends.
func (d *doorway) listen(ctx context.Context, socket *websocket.Conn, runner string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer cancel(nil)
	pinging.Go(func() {
		ticks, stop := d.pings(runner)
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			ping, done := context.WithTimeout(ctx, d.pingTimeout)
			err := socket.Ping(ping)
			done()
			if err != nil {
				cancel(fmt.Errorf("no answer to a ping: %w", err))
				return
			}
		}
	})
	often := rate.NewLimiter(1, 10)
	for {
		if _, _, err := socket.Read(ctx); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return err
		}
		if !often.Allow() {
			return errTalks
		}
		answer, done := context.WithTimeout(ctx, d.pingTimeout)
		err := socket.Write(answer, websocket.MessageText, kept)
		done()
		if err != nil {
			return err
		}
	}
}

// Post sends a message to a line. A runner that does not read loses its line, and
// counts as gone, so that another one is rung.
func (d *doorway) Post(ctx context.Context, connection string, message []byte) (gone bool, err error) {
	d.mu.Lock()
	at, known := d.lines[connection]
	d.mu.Unlock()
	if !known {
		return true, nil
	}
	ctx, done := context.WithTimeout(ctx, postWithin)
	defer done()
	select {
	case <-at.opened:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if at.socket == nil {
		return true, nil
	}
	if err := at.socket.Write(ctx, websocket.MessageText, message); err != nil {
		at.end()
		return true, nil //nolint:nilerr // the line is dead now
	}
	return false, nil
}

// Close ends a line.
func (d *doorway) Close(_ context.Context, connection string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, known := d.lines[connection]; known {
		at.end()
	}
	return nil
}

// shut ends all lines, lets none in, and waits until they have ended.
func (d *doorway) shut() {
	d.mu.Lock()
	d.closing = true
	for _, at := range d.lines {
		at.end()
	}
	d.mu.Unlock()
	d.open.Wait()
}
