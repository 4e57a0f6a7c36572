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

const (
	// present is how long a runner counts as there after it was heard: twice
	// the longest interval, so that a late poll does not make the fleet smaller.
	present = 2 * time.Minute
	// maxPresent is how many runners are told apart. More make no difference:
	// all are told to wait for the longest interval.
	maxPresent = 64
)

// fleet estimates how many runners poll, by the names that this process has
// heard, and asks nobody for it. That is good enough on Lambda too: an idle fleet
// polls about once a second, so that one warm environment hears all of it; a new
// one answers with short intervals first, and knows the fleet once every runner
// has polled. The zero value is ready.
type fleet struct {
	mu     sync.Mutex
	byName map[string]*list.Element
	recent list.List // of sighting; the one heard last in front
}

type sighting struct {
	name      string
	languages job.Languages
	at        time.Time
}

// hear notes a runner and returns how many have been heard of late that judge the
// rarest of its languages, at most maxPresent. So each language is asked for once
// a second in all, as the whole queue is where all runners judge the same: a
// language that few judge does not wait longer for one of them to ask.
func (f *fleet) hear(name string, languages job.Languages, now time.Time) int {
	// The wall clock: a function's environment is frozen between requests, and
	// its monotonic clock may stand still meanwhile.
	now = now.Round(0)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byName == nil {
		f.byName = make(map[string]*list.Element, maxPresent)
	}
	if e, known := f.byName[name]; known {
		e.Value = sighting{name, languages, now}
		f.recent.MoveToFront(e)
	} else {
		f.byName[name] = f.recent.PushFront(sighting{name, languages, now})
	}
	for e := f.recent.Back(); f.recent.Len() > maxPresent || now.Sub(e.Value.(sighting).at) > present; e = f.recent.Back() {
		delete(f.byName, f.recent.Remove(e).(sighting).name)
	}
	return languages.Rarest(f.present())
}

func (f *fleet) present() []job.Languages {
	present := make([]job.Languages, 0, maxPresent)
	for e := f.recent.Front(); e != nil; e = e.Next() {
		present = append(present, e.Value.(sighting).languages)
	}
	return present
}

// share is the part of a pace, a second at least, that makes those who judge a
// language ask as often in all as a fleet that all judge it.
func (f *fleet) share(pace time.Duration, judges int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(time.Second, pace*time.Duration(judges)/time.Duration(max(f.recent.Len(), 1)))
}

// rare reports whether a runner judges a language that others do not.
func (f *fleet) rare(languages job.Languages) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return languages.Rarest(f.present()) < f.recent.Len()
}

// judges counts the runners that judge a language.
func (f *fleet) judges(l job.Language) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return job.Speaks(l).Rarest(f.present())
}

// idle is how long a runner waits that has found nothing to do: as many seconds
// as there are runners, within bounds.
func (p Pace) idle(runners int) time.Duration {
	return max(time.Second, min(time.Duration(runners)*time.Second, p.Longest))
}

// seconds is a pace on the wire.
func seconds(d time.Duration) int { return int(d / time.Second) }
