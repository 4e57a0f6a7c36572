package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

const (
	// API Gateway ends a connection after 10 minutes without a message, where
	// protocol pings may not count, and after 2 hours in any case.
	aliveEvery = 8 * time.Minute
	renewFrom  = 100 * time.Minute
	renewTo    = 110 * time.Minute
	// A message that is not answered in this time means that the line is dead.
	answerWithin  = 20 * time.Second
	handshakeTime = 30 * time.Second
	// A connection that ended sooner counts as a failure.
	leastLife      = time.Minute
	maxReconnect   = 5 * time.Minute // between two tries
	maxRingMessage = 4 << 10         // bytes
	// That many messages are read in a second; a flood waits in the network.
	messagesPerSecond = 50
)

var (
	errLineDead = errors.New("a message was not answered: the line is dead")
	errLineOld  = errors.New("the connection is old")
)

// doorbell keeps a WebSocket on which the server says that there may be a job. It
// carries no work, so a ring that is lost, doubled or late costs time and nothing
// else.
type doorbell struct {
	loop *syncLoop
	at   *url.URL
}

// hear keeps one connection, and opens the next one when it ends, until ctx is
// done.
func (d *doorbell) hear(ctx context.Context) {
	for failed := 0; ; failed++ {
		began := time.Now()
		err := d.hearOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLineOld):
			failed = -1
			continue
		case time.Since(began) >= leastLife:
			failed = 0
		}
		wait, level := pauseUpTo(maxReconnect, failed+1, err), slog.LevelWarn
		if failed > 0 { // it was said already
			level = slog.LevelDebug
		}
		d.loop.r.Log.Log(ctx, level, "the doorbell cannot be heard: jobs are polled for", slog.Any("error", err), slog.Int64("wait_ms", wait.Milliseconds()))
		if sleep(ctx, wait) != nil {
			return
		}
	}
}

// hearOnce connects, and tells the loop what it hears until the connection ends.
func (d *doorbell) hearOnce(ctx context.Context) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	conn.SetReadLimit(maxRingMessage)
	ctx, end := context.WithCancelCause(ctx)
	messages := make(chan []byte)
	var reading sync.WaitGroup
	reading.Go(func() { end(read(ctx, conn, messages)) })
	defer reading.Wait()
	defer func() { _ = conn.CloseNow() }()
	defer end(nil)

	d.loop.r.Log.InfoContext(ctx, "the doorbell is heard: the server says when there is a job", slog.String("host", d.at.Host))
	d.loop.connected()
	defer d.loop.disconnected()
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	old := time.NewTimer(renewFrom + rand.N(renewTo-renewFrom))
	defer old.Stop()
	var dead <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-old.C:
			return errLineOld
		case <-dead:
			return errLineDead
		case <-alive.C:
			dead = time.After(answerWithin)
			if err := writeAlive(ctx, conn); err != nil {
				return err
			}
		case text := <-messages:
			dead = nil // whatever it says: the line works
			var message struct {
				Ring *int64 `json:"ring"`
			}
			if json.Unmarshal(text, &message) == nil && message.Ring != nil {
				d.loop.rung(*message.Ring)
			}
		}
	}
}

// connect opens a connection, through the client's transport and with the runner's
// headers. No redirect is followed: the token would go along.
func (d *doorbell) connect(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	client, header := d.loop.r.Client, http.Header{}
	client.identify(header)
	conn, resp, err := websocket.Dial(ctx, d.at.String(), &websocket.DialOptions{HTTPClient: client.http, HTTPHeader: header})
	switch {
	case err == nil:
		return conn, nil
	case resp == nil || resp.StatusCode == http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("no connection: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body) // 1 KB at most
	return nil, &replyError{
		Status: resp.StatusCode, Message: fmt.Sprintf("handshake refused, %.200q", text),
		RequestID: resp.Header.Get("X-Request-Id"), RetryAfter: retryAfter(resp),
	}
}

// read passes messages on until the connection ends.
func read(ctx context.Context, conn *websocket.Conn, messages chan<- []byte) error {
	for pace := rate.NewLimiter(messagesPerSecond, messagesPerSecond); ; {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("connection lost: %w", err)
		}
		select {
		case messages <- text:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := pace.Wait(ctx); err != nil {
			return fmt.Errorf("connection lost: %w", err)
		}
	}
}

// writeAlive sends the message that the server answers.
func writeAlive(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(".")); err != nil {
		return fmt.Errorf("connection lost: %w", err)
	}
	return nil
}
