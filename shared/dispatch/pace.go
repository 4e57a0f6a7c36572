package dispatch

import (
	"container/list"
	"sync"
	"time"

	"runlease/shared/job"
)

// Pace is what runners are told about when to ask again.
type Pace struct {
	Busy, Idle time.Duration // after a list that had jobs, and after an empty one
	// Longest bounds what an idle runner is told by sync. A fleet of fewer runners
	// than it has seconds polls once a second in all; in a larger one each runner
	// polls once in that time.
	Longest time.Duration
	// Seated is what a runner is told that waits for a ring: the poll that ends
	// what a lost ring, or a message that a receive missed, has begun.
	Seated time.Duration
}

// DefaultPace holds the values of the wire contract.
var DefaultPace = Pace{Busy: time.Second, Idle: 5 * time.Second, Longest: time.Minute, Seated: 5 * time.Minute}

// after returns the pause of a runner in seconds; otherwise is its usual pause. A
// queue that gave as many messages as were asked for has more.
func (p Pace) after(more bool, claims, otherwise int) int {
	switch {
	case more && claims > 0:
		return 0
	case more:
		return min(otherwise, seconds(p.Busy))
	}
	return otherwise
}

const (
	// present is how long a runner counts as there after it was heard: twice
	// the longest interval, so that a late poll does not make the fleet smaller.
	present = 2 * time.Minute
	// maxPresent is how many runners are told apart. More make no difference:
	// all are told to wait for the longest interval.
	maxPresent = 64
)

// presence estimates how many runners poll, by the names that this process has
// heard, and makes no call for it. That is good enough on Lambda too: an idle fleet
// polls about once a second, so that one warm environment hears all of it; a new
// one answers with short intervals first, and knows the fleet once every runner
// has polled. The zero value is ready.
type presence struct {
	mu     sync.Mutex
	byName map[string]*list.Element
	recent list.List // of *sighting; the one heard last in front
	crews  perPool[crew]
}

// crew counts the runners that serve a pool.
type crew struct {
	job.Census
	runners int
}

type sighting struct {
	name      string
	pools     job.Pools
	languages job.Languages
	at        time.Time
}

// sameAs reports whether a runner is counted as it was.
func (s *sighting) sameAs(before *sighting) bool {
	return s.pools == before.pools && s.languages == before.languages
}

// hear notes a runner and returns how many have been heard recently that judge the
// rarest of its languages in the rarest of its pools, at most maxPresent. So each
// language of each pool is asked for once a second in all, as the whole queue is
// where all runners judge the same: a language that few judge does not wait longer
// for one of them to ask.
func (p *presence) hear(name string, pools job.Pools, languages job.Languages, now time.Time) int {
	// The wall clock: a function's environment is frozen between requests, and
	// its monotonic clock may stand still meanwhile.
	now = now.Round(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byName == nil {
		p.byName = make(map[string]*list.Element, maxPresent)
	}
	heard := &sighting{name, pools, languages, now}
	e, known := p.byName[name]
	if known && !heard.sameAs(e.Value.(*sighting)) {
		p.forget(e)
		known = false
	}
	if known {
		e.Value = heard
		p.recent.MoveToFront(e)
	} else {
		p.byName[name] = p.recent.PushFront(heard)
		p.count(heard, 1)
	}
	for e := p.recent.Back(); p.recent.Len() > maxPresent || now.Sub(e.Value.(*sighting).at) > present; e = p.recent.Back() {
		p.forget(e)
	}
	return p.rarest(pools, languages)
}

func (p *presence) forget(e *list.Element) {
	gone := p.recent.Remove(e).(*sighting)
	delete(p.byName, gone.name)
	p.count(gone, -1)
}

// count counts a runner in each of its pools.
func (p *presence) count(s *sighting, n int) {
	for _, pool := range s.pools.List() {
		c := p.crews.of(pool)
		c.Count(s.languages, n)
		c.runners += n
	}
}

// rarest returns how many runners judge the rarest language, in the pool where it is
// rarest.
func (p *presence) rarest(pools job.Pools, languages job.Languages) int {
	rarest := maxPresent
	for _, pool := range pools.List() {
		rarest = min(rarest, p.crews.of(pool).Rarest(languages))
	}
	return rarest
}

// share is the part of a pace, a second at least, by which the runners of a language ask
// as often in all as a fleet in which every runner judges it.
func (p *presence) share(pace time.Duration, judges int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Second, pace*time.Duration(judges)/time.Duration(max(p.recent.Len(), 1)))
}

// rare reports whether a runner judges a language that others of a pool do not.
func (p *presence) rare(pool job.Pool, languages job.Languages) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.crews.of(pool)
	return c.Rarest(languages) < c.runners
}

// judges counts the runners that judge a language in a pool.
func (p *presence) judges(pool job.Pool, l job.Language) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crews.of(pool).Rarest(job.Speaks(l))
}

// idle is how long a runner waits that has found nothing to do: as many seconds
// as there are runners, within bounds.
func (p Pace) idle(runners int) time.Duration {
	return max(time.Second, min(time.Duration(runners)*time.Second, p.Longest))
}

// seconds is a pace on the wire.
func seconds(d time.Duration) int { return int(d / time.Second) }
