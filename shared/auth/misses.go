package auth

import (
	"sync"
	"time"
)

const (
	// Whoever makes up well-formed tokens costs one look-up for each. A fleet
	// that is set up wrong asks with one token, which is remembered; so a few
	// unknown tokens a second are all that happens without malice.
	missesPerSecond = 20
	missesBurst     = 200
)

// misses bounds how many tokens nobody knows are looked up: missesPerSecond, and
// missesBurst of them at once. A nil *misses is no bound.
type misses struct {
	mu   sync.Mutex
	used float64 // of the burst
	at   time.Time
}

// take reserves a look-up that may miss; false: there have been too many.
func (m *misses) take(now time.Time) bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// A clock that was set back gives nothing, and takes nothing away.
	if passed := now.Sub(m.at).Seconds(); passed > 0 {
		m.used = max(0, m.used-passed*missesPerSecond)
	}
	m.at = now
	if m.used > missesBurst-1 {
		return false
	}
	m.used++
	return true
}

// giveBack returns what a look-up did not use, because it found something.
func (m *misses) giveBack() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = max(0, m.used-1)
}
