package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// heap is letters in memory.
type heap struct {
	all    []letter
	held   map[string]bool
	sent   []string
	refuse error // of sendBack
}

func (h *heap) take(context.Context, time.Duration) ([]letter, error) {
	var taken []letter
	for _, l := range h.all {
		if !h.held[l.id] && len(taken) < 10 {
			h.held[l.id] = true
			taken = append(taken, l)
		}
	}
	return taken, nil
}

func (h *heap) putBack(_ context.Context, l letter) error {
	delete(h.held, l.id)
	return nil
}

func (h *heap) sendBack(_ context.Context, l letter) error {
	if h.refuse != nil {
		return h.refuse
	}
	h.sent = append(h.sent, l.id)
	return nil
}

func newHeap(n int) *heap {
	h := &heap{held: map[string]bool{}}
	for i := range n {
		h.all = append(h.all, letter{id: fmt.Sprintf("m%d", i), body: "not\x00ours " + strings.Repeat("x", 300), sent: time.Unix(0, 0), pool: []string{"", "exam"}[i%2]})
	}
	return h
}

func deadLetterRun(h *heap, args ...string) (code int, stdout, stderr string) {
	var out, errors bytes.Buffer
	op := operator{
		out: &out, err: &errors,
		getenv: func(name string) string {
			return map[string]string{poolsEnv: "exam=https://exam", queueEnv: "https://queue", deadLetterEnv: "https://dead"}[name]
		},
		letters: func(_ context.Context, pools map[string]string, dead string) (letters, error) {
			if fmt.Sprint(pools) != "map[:https://queue exam:https://exam]" || dead != "https://dead" {
				return nil, fmt.Errorf("opened %s and %s", pools, dead)
			}
			return h, nil
		},
	}
	code = run(context.Background(), op, append([]string{"dead-letter"}, args...))
	return code, out.String(), errors.String()
}

func TestDeadLetterList(t *testing.T) {
	h := newHeap(25)
	code, out, stderr := deadLetterRun(h, "list")
	if code != 0 || strings.Count(out, "\n") != 26 || !strings.Contains(out, `not\x00ours`) || !strings.Contains(out, "(309 bytes)") || strings.Count(out, "  exam ") != 12 || strings.Count(out, "  default ") != 13 {
		t.Errorf("exit %d:\n%s%s", code, out, stderr)
	}
	if len(h.held) != 0 {
		t.Errorf("%d messages stay hidden", len(h.held))
	}
	if code, out, _ := deadLetterRun(h, "list", "-max", "3"); code != 0 || strings.Count(out, "\n") != 4 {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestDeadLetterSendBack(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		sent int
	}{
		{"all", []string{"-all"}, 0, 25},
		{"one", []string{"-id", "m13"}, 0, 1},
		{"unknown", []string{"-id", "m99"}, 1, 0},
		{"neither", nil, 2, 0},
		{"both", []string{"-all", "-id", "m1"}, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHeap(25)
			code, _, stderr := deadLetterRun(h, append([]string{"send-back"}, c.args...)...)
			if code != c.code || len(h.sent) != c.sent {
				t.Errorf("exit %d, sent %v: %s", code, h.sent, stderr)
			}
		})
	}
	h := newHeap(1)
	h.refuse = errors.New("away")
	if code, _, stderr := deadLetterRun(h, "send-back", "-all"); code != 1 || !strings.Contains(stderr, "away") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
