package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// How often the jobs are asked for, and the progress is told where it cannot be
// redrawn.
const (
	watchEvery  = 500 * time.Millisecond
	reportEvery = 3 * time.Second
)

// maxQuery is how many ids POST /jobs/query takes.
const maxQuery = 100

// watch asks for the jobs until all are final, and returns them by id.
func watch(ctx context.Context, api *producer, ids []string, p *progress) (map[string]job, error) {
	for {
		jobs, err := query(ctx, api, ids)
		if err != nil {
			return nil, err
		}
		if done := p.show(jobs); done {
			return jobs, nil
		}
		select {
		case <-ctx.Done():
			p.end()
			return nil, context.Cause(ctx)
		case <-time.After(watchEvery):
		}
	}
}

func query(ctx context.Context, api *producer, ids []string) (map[string]job, error) {
	jobs := make(map[string]job, len(ids))
	for some := range slices.Chunk(ids, maxQuery) {
		var reply struct {
			Jobs    []job    `json:"jobs"`
			Missing []string `json:"missing"`
		}
		if err := api.call(ctx, http.MethodPost, "/jobs/query", map[string][]string{"ids": some}, &reply); err != nil {
			return nil, err
		}
		if len(reply.Missing) > 0 {
			return nil, fmt.Errorf("query: the API does not know %s", strings.Join(reply.Missing, ", "))
		}
		for _, j := range reply.Jobs {
			jobs[j.ID] = j
		}
	}
	return jobs, nil
}

// progress is the line that says how far the jobs are: redrawn in place on a
// terminal, else a new one every few seconds.
type progress struct {
	out      io.Writer
	terminal bool
	began    time.Time

	mu   sync.Mutex
	last time.Time // of the last line
}

func newProgress(out *os.File, began time.Time) *progress {
	info, err := out.Stat()
	return &progress{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: began}
}

// show tells the progress and reports whether every job is final.
func (p *progress) show(jobs map[string]job) (done bool) {
	count := map[string]int{}
	final := 0
	for _, j := range jobs {
		count[j.State]++
		if j.final() {
			final++
		}
	}
	done = final == len(jobs)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	line := fmt.Sprintf("%5.1f s  %d of %d judged, %d claimed, %d queued",
		now.Sub(p.began).Seconds(), final, len(jobs), count["claimed"], count["queued"])
	switch {
	case p.terminal:
		// \x1b[K clears what a longer line left behind.
		fmt.Fprintf(p.out, "\r%s\x1b[K", line)
	case done || now.Sub(p.last) >= reportEvery:
		fmt.Fprintln(p.out, line)
		p.last = now
	}
	if done {
		p.end()
	}
	return done
}

// note prints one line between two of progress.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(p.out, "%5.1f s  ", time.Since(p.began).Seconds())
	fmt.Fprintf(p.out, format+"\n", args...)
}

// end leaves the line, so that what follows starts on its own.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprintln(p.out)
	}
}
