package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// miniStack is the deployment of this source on MiniStack. What was started for it
// is stopped at its end; a MiniStack that ran before is used, and left.
func miniStack(ctx context.Context) (*server, error) {
	started, err := emulate(ctx, "infra/dev/emulators/ministack-up.sh")
	if err != nil {
		return nil, err
	}
	s := &server{end: func() {}}
	if !bytes.Contains(started, []byte("already up")) {
		s.end = func() {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			if _, err := emulate(stopping, "infra/dev/emulators/ministack-down.sh"); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
		}
	}
	if err := s.deploy(ctx); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *server) deploy(ctx context.Context) error {
	if _, err := emulate(ctx, "make", "-s", "deploy-ministack"); err != nil {
		return err
	}
	line, err := os.ReadFile(filepath.Join("build", "localstack", "ministack.json"))
	if err == nil {
		err = json.Unmarshal(line, s)
	}
	if err != nil {
		return fmt.Errorf("read the deployment: %w", err)
	}
	return s.publish()
}

// emulate runs a command of the emulators; infra/dev/emulators/README.md lists what
// they need. Its output is not a pipe: what it starts lives longer.
func emulate(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := os.CreateTemp("", "runlease-bench-*")
	if err != nil {
		return nil, fmt.Errorf("make a file: %w", err)
	}
	defer func() { _ = out.Close(); _ = os.Remove(out.Name()) }()
	command := exec.CommandContext(ctx, name, args...)
	command.Stdout, command.Stderr = out, out
	err = command.Run()
	text, readErr := os.ReadFile(out.Name())
	if err != nil || readErr != nil {
		return nil, fmt.Errorf("%s: %w\n%s", name, errors.Join(err, readErr), text)
	}
	return text, nil
}
