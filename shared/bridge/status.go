package bridge

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/bridge/journal"
)

// Handler serves what the back end asks of a sandbox, and /metrics.
func (b *Bridge) Handler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /status", b.status)
	routes.HandleFunc("POST /submit/{id}", b.submit)
	routes.HandleFunc("GET /metrics", b.metrics)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A sandbox whose URL is configured with a slash at its end is asked for
		// //status, which a ServeMux would redirect; a redirect is a failure there.
		r.URL.Path = "/" + strings.TrimLeft(r.URL.Path, "/")
		routes.ServeHTTP(w, r)
	})
}

// mostLoad is the greatest load that the bridge admits to: with 1000 the back end
// passes a sandbox over.
const mostLoad = 999

// statusReply is the answer to GET /status. The back end reads load alone.
type statusReply struct {
	Load float64 `json:"load"`
	*details
}

// details are for those who show the token.
type details struct {
	Waiting  map[journal.State]int `json:"waiting"`       // submissions in each state
	Oldest   float64               `json:"oldestSeconds"` // how long the oldest of them has waited
	DiskFull bool                  `json:"diskFull"`
	BackEnd  sideReply             `json:"backEnd"`
	Runlease sideReply             `json:"runlease"`
}

// sideReply is how the bridge gets on with one side.
type sideReply struct {
	Away      bool       `json:"away"`
	LastError string     `json:"lastError"`
	At        *time.Time `json:"at"` // of the last error; null: there was none
}

// status is GET /status. It looks at nothing but memory.
func (b *Bridge) status(w http.ResponseWriter, r *http.Request) {
	reply := statusReply{Load: min(float64(b.open.len())/float64(b.Capacity), mostLoad)}
	status := http.StatusOK
	full := b.full.is()
	if full { // the back end passes over what is not 2xx, if it is no redirect
		status = http.StatusServiceUnavailable
	}
	if token := r.URL.Query().Get("token"); token != "" && b.knows(token) {
		waiting, oldest := b.open.look()
		reply.details = &details{waiting, math.Round(oldest.Seconds()), full, side(b.backEndGate), side(b.runleaseGate)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply)
}

func side(g *gate) sideReply {
	text, at, away := g.last()
	reply := sideReply{Away: away, LastError: text}
	if !at.IsZero() {
		reply.At = &at
	}
	return reply
}

// open is the submissions that are not done, in memory.
type open struct {
	mu    sync.Mutex
	since map[string]opened
	n     map[journal.State]int
}

type opened struct {
	state journal.State
	at    time.Time
}

func newOpen() *open {
	return &open{since: map[string]opened{}, n: map[journal.State]int{journal.Received: 0, journal.Handed: 0, journal.Judged: 0}}
}

func (o *open) set(s journal.Submission) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if before, there := o.since[s.ID]; there {
		o.n[before.state]--
		delete(o.since, s.ID)
	}
	if s.State != journal.Done {
		o.n[s.State]++
		o.since[s.ID] = opened{s.State, s.ReceivedAt}
	}
}

func (o *open) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.since)
}

// look counts them by state, and tells how long the oldest has waited.
func (o *open) look() (n map[journal.State]int, oldest time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n = make(map[journal.State]int, len(o.n))
	for state, count := range o.n {
		n[state] = count
	}
	for _, one := range o.since {
		oldest = max(oldest, time.Since(one.at))
	}
	return n, oldest
}

// fullDisk remembers whether the disk is full, or cannot be written to for any other
// reason.
type fullDisk struct {
	full   atomic.Bool
	failed atomic.Int64 // when a write failed, in nanoseconds
}

// afterFailure is for how long a failed write counts at least, whatever seems to be
// free: a quota, a lack of inodes or a broken disk does not show otherwise.
const afterFailure = 3 * time.Second

func (f *fullDisk) is() bool { return f.full.Load() }

func (f *fullDisk) filled() {
	f.failed.Store(time.Now().UnixNano())
	f.full.Store(true)
}

// lookAtDisk compares the free space with the space to leave alone.
func (b *Bridge) lookAtDisk() {
	free, err := b.Journal.Free()
	full := err == nil && free < b.SpareDisk
	if at := b.full.failed.Load(); at != 0 && !full {
		if full = time.Since(time.Unix(0, at)) < afterFailure || b.Journal.Try() != nil; !full {
			b.full.failed.CompareAndSwap(at, 0)
		}
	}
	if b.full.full.Swap(full) != full {
		b.Log.Warn("the disk", "full", full, "freeBytes", free)
	}
}
