package main

import (
	"context"
	"net"
	"sync"
)

// drained counts the connections of a listener. http.Server's Shutdown would drop
// those whose request it has not read yet, and each of them is a submission lost.
type drained struct {
	net.Listener
	open sync.WaitGroup
}

// Accept is for net.Listener.
func (d *drained) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	d.open.Add(1)
	return &drainedConn{Conn: c, done: sync.OnceFunc(d.open.Done)}, nil
}

// drain waits until every connection that was accepted is closed. The caller
// has closed the listener, and no Accept waits any more.
func (d *drained) drain(ctx context.Context) error {
	empty := make(chan struct{})
	go func() { d.open.Wait(); close(empty) }()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type drainedConn struct {
	net.Conn
	done func()
}

// Close is for net.Conn.
func (c *drainedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}

// CloseWrite ends the sending half: http.Server does it before it closes a
// connection whose client may still be sending, so that the reply is read.
func (c *drainedConn) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return nil
}
