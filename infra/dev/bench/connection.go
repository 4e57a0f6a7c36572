package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// connection is one kept HTTP connection. It does as little as possible, so that
// the machine's time is the server's.
type connection struct {
	net.Conn
	address string
	below   string // the path that the API is below
	reader  *bufio.Reader
	out     bytes.Buffer
}

// dial connects to the API at a URL, http://host:port/path.
func dial(url string) (*connection, error) {
	address, below, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if below != "" {
		below = "/" + below
	}
	c, err := (&net.Dialer{Timeout: time.Second}).Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &connection{Conn: c, address: address, below: below, reader: bufio.NewReader(c)}, nil
}

func (c *connection) close() { _ = c.Close() }

var errReply = errors.New("not a reply")

// do makes a request, "POST /jobs", with header lines and a body of JSON.
func (c *connection) do(route, header, body string) (status int, reply []byte, err error) {
	c.out.Reset()
	method, path, _ := strings.Cut(route, " ")
	fmt.Fprintf(&c.out, "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, c.below, path, c.address, header, len(body), body)
	if _, err := c.Write(c.out.Bytes()); err != nil {
		return 0, nil, fmt.Errorf("send: %w", err)
	}
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("receive: %w", err)
	}
	if fields := strings.Fields(line); len(fields) > 1 {
		status, err = strconv.Atoi(fields[1])
	}
	if err != nil || status == 0 {
		return 0, nil, errReply
	}
	length, chunked := 0, false
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, nil, fmt.Errorf("receive: %w", err)
		}
		name, value, found := strings.Cut(strings.TrimSpace(string(line)), ": ")
		if !found {
			break
		}
		switch strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.Atoi(value); err != nil {
				return 0, nil, errReply
			}
		case "transfer-encoding":
			chunked = true
		}
	}
	if chunked {
		return c.chunks(status)
	}
	reply = make([]byte, length)
	if _, err := io.ReadFull(c.reader, reply); err != nil {
		return 0, nil, fmt.Errorf("receive: %w", err)
	}
	return status, reply, nil
}

// chunks reads a body of chunks.
func (c *connection) chunks(status int) (int, []byte, error) {
	var body []byte
	for {
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return 0, nil, fmt.Errorf("receive: %w", err)
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
		if err != nil {
			return 0, nil, errReply
		}
		chunk := make([]byte, n+2) // with the end of the line
		if _, err := io.ReadFull(c.reader, chunk); err != nil {
			return 0, nil, fmt.Errorf("receive: %w", err)
		}
		if n == 0 {
			return status, body, nil
		}
		body = append(body, chunk[:n]...)
	}
}
