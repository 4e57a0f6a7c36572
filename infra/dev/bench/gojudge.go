package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// goJudge measures go-judge by its HTTP interface, built from the module beside
// this program's folder.
func goJudge(ctx context.Context, dir, binary string) ([]time.Duration, error) {
	server, err := filepath.Abs(filepath.Join("build", "bench", "go-judge"))
	if err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("infra", "dev", "gojudge"), "-o", server, "github.com/criyle/go-judge/cmd/go-judge")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build it: %w: %s", err, text)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(ctx, server, "-http-addr", address, "-silent", "-dir", filepath.Join(dir, "go-judge-files"))
	if err := os.MkdirAll(filepath.Join(dir, "go-judge-files"), 0o700); err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	one := map[string]any{
		"args": []string{"main"}, "env": []string{"PATH=/usr/bin:/bin"},
		"files":    []any{map[string]any{"content": "1 2\n"}, map[string]any{"name": "stdout", "max": 1 << 16}, map[string]any{"name": "stderr", "max": 1 << 16}},
		"cpuLimit": 1_000_000_000, "memoryLimit": 64 << 20, "procLimit": 64,
		"copyIn": map[string]any{"main": map[string]any{"src": binary}},
	}
	body, err := json.Marshal(map[string]any{"cmd": []any{one}})
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	deadline := time.Now().Add(10 * time.Second)
	for len(all) < casesOfAJob {
		begin := time.Now()
		text, err := post(ctx, "http://"+address+"/run", body)
		if err != nil && time.Now().Before(deadline) && len(all) == 0 { // it starts
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		if !strings.Contains(text, `"Accepted"`) || !strings.Contains(text, `3\n`) {
			return nil, fmt.Errorf("it answers %.300s", text)
		}
		all = append(all, time.Since(begin))
	}
	return all, nil
}

func post(ctx context.Context, url string, body []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 1<<20))
	return string(text), err
}
