package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// certificates is the server's certificate, as its files are now or were when they
// were good last.
type certificates struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

func readCertificate(cert, key string) (*certificates, error) {
	c := &certificates{cert: cert, key: key}
	return c, c.read()
}

func (c *certificates) read() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("read -tls-cert and -tls-key: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// hangUps are the SIGHUPs from now on, which programs that renew certificates send. Before
// that a SIGHUP ends the server.
func hangUps() chan os.Signal {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	return told
}

// renew reads the files again whenever it is told to.
func (c *certificates) renew(ctx context.Context, told chan os.Signal, log *slog.Logger) {
	defer signal.Stop(told)
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
			if err := c.read(); err != nil {
				log.Error("the certificate stays as it was", "error", err)
			}
		}
	}
}
