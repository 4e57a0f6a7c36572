package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstSocket is the number of the first file descriptor that systemd hands over
// (sd_listen_fds(3)).
const firstSocket = 3

// listen takes the listening socket that systemd hands over. The socket stays
// with systemd while the bridge restarts, and callers wait meanwhile. Without one,
// listen listens on an address.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	pid, n := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, fmt.Errorf("take %s out of the environment: %w", name, err)
		}
	}
	if pid != strconv.Itoa(os.Getpid()) { // not given, or not for this process
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		return listener, nil
	}
	if n != "1" {
		return nil, fmt.Errorf("systemd hands %s sockets over: want one ListenStream= in the socket's unit", n)
	}
	file := os.NewFile(firstSocket, "socket")
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take over the socket: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("take over the socket: %w", err)
	}
	return listener, nil
}
