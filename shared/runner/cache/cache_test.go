package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func shaOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// source gives out a text and counts how often.
type source struct {
	text string
	gave atomic.Int32
}

func (s *source) fetch(_ context.Context, w io.Writer) error {
	s.gave.Add(1)
	_, err := io.WriteString(w, s.text)
	return err
}

func open(t *testing.T, dir string, max int64) *Cache {
	t.Helper()
	c, err := Open(dir, max, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *Cache, s *source) {
	t.Helper()
	file, err := c.Get(t.Context(), shaOf(s.text), s.fetch)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if got, err := io.ReadAll(file); err != nil || string(got) != s.text {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(s.text))
	}
}

func TestFetchesOnce(t *testing.T) {
	dir := t.TempDir()
	s := &source{text: "cases"}
	c := open(t, dir, 1000)
	get(t, c, s)
	get(t, c, s)
	get(t, open(t, dir, 1000), s) // after a restart, too
	if got := s.gave.Load(); got != 1 {
		t.Errorf("fetched %d times, want 1", got)
	}
}

func TestDamagedFileIsFetchedAgain(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"one bit":   func(b []byte) []byte { b[0] ^= 1; return b },
		"cut short": func(b []byte) []byte { return b[:2] },
		"longer":    func(b []byte) []byte { return append(b, 'x') },
		"empty":     func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := &source{text: "cases"}
			c := open(t, dir, 1000)
			get(t, c, s)
			if err := os.WriteFile(filepath.Join(dir, shaOf(s.text)), damage([]byte(s.text)), 0o600); err != nil {
				t.Fatal(err)
			}
			get(t, c, s)
			if got := s.gave.Load(); got != 2 {
				t.Errorf("fetched %d times, want 2", got)
			}
		})
	}
}

func TestManyAtOnceFetchOnce(t *testing.T) {
	s := &source{text: strings.Repeat("cases", 1000)}
	c := open(t, t.TempDir(), 1e6)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { get(t, c, s) })
	}
	wait.Wait()
	if got := s.gave.Load(); got != 1 {
		t.Errorf("fetched %d times, want 1", got)
	}
}

func TestWrongBytesAreNotKept(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 1000)
	wrong := &source{text: "something else"}
	_, err := c.Get(t.Context(), shaOf("cases"), wrong.fetch)
	if _, ok := errors.AsType[*Mismatch](err); !ok {
		t.Errorf("got %v, want a mismatch", err)
	}
	gone := errors.New("connection reset")
	_, err = c.Get(t.Context(), shaOf("cases"), func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "ca")
		return gone
	})
	if !errors.Is(err, gone) {
		t.Errorf("got %v, want the error of fetch", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	get(t, c, &source{text: "cases"})
}

func TestUnfinishedFilesAreClearedAway(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, shaOf("cases")+".123"+partial), []byte("ca"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir, 1000)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLongestUnusedGoesFirst(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 250)
	a, b, d := &source{text: strings.Repeat("a", 100)}, &source{text: strings.Repeat("b", 100)}, &source{text: strings.Repeat("d", 100)}
	get(t, c, a)
	get(t, c, b)
	for i, s := range []*source{a, b} { // both long ago, b later
		then := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, shaOf(s.text)), then, then); err != nil {
			t.Fatal(err)
		}
	}
	get(t, c, a) // used again
	get(t, c, d) // b has to go
	for name, tc := range map[string]struct {
		s    *source
		kept bool
	}{"a": {a, true}, "b": {b, false}, "d": {d, true}} {
		if _, err := os.Stat(filepath.Join(dir, shaOf(tc.s.text))); (err == nil) != tc.kept {
			t.Errorf("%s kept: %v, want %v", name, err == nil, tc.kept)
		}
	}
	// Larger than the whole cache: used, not kept.
	big := &source{text: strings.Repeat("x", 300)}
	get(t, c, big)
	if _, err := os.Stat(filepath.Join(dir, shaOf(big.text))); err == nil {
		t.Error("a file larger than the cache was kept")
	}
	// What was compiled counts as well.
	if err := os.WriteFile(c.Compiled("checker"), make([]byte, 300), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Trim()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestIllFormedHash(t *testing.T) {
	c := open(t, t.TempDir(), 1000)
	for _, sha := range []string{"", "../../etc/passwd", shaOf("x")[:63], strings.ToUpper(shaOf("x"))} {
		if _, err := c.Get(t.Context(), sha, (&source{}).fetch); err == nil {
			t.Errorf("%q: no error", sha)
		}
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	c := open(t, t.TempDir(), 1000)
	started, finish := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		file, err := c.Get(t.Context(), shaOf("cases"), func(_ context.Context, w io.Writer) error {
			close(started)
			<-finish
			_, err := bytes.NewBufferString("cases").WriteTo(w)
			return err
		})
		if err != nil {
			t.Error(err)
			return
		}
		_ = file.Close()
	})
	<-started
	lost := errors.New("lease lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if _, err := c.Get(ctx, shaOf("cases"), (&source{}).fetch); !errors.Is(err, lost) {
		t.Errorf("got %v, want the cause", err)
	}
	close(finish)
	wait.Wait()
}
