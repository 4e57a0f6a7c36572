package job

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Surroundings are what is known beside a job when it is explained why it waits.
type Surroundings struct {
	Now   Time
	Ahead int  // jobs that wait and were queued before, MaxAhead and a few at most
	More  bool // there are too many open jobs to see all that wait
	Needs Needs
	// Present are the runners that were heard recently. Busy are the runners whose slots
	// are full, as far as is known. MeanWait is how long the jobs that runners hold had
	// waited.
	Present  []Candidate
	Busy     map[string]bool
	MeanWait time.Duration
	// SilentSince is since when the queue has shown no message; 0 if it shows some.
	SilentSince Time
	// Gone is the pool that the job was handed in for, if that is not there any more.
	Gone string
	// Pauses are the pauses that stop the job, the widest first.
	Pauses []PausedBy
}

// PausedBy is an operator's pause: who, since when and why, and what ends it.
type PausedBy struct{ Reason, Remedy string }

// Delay is one reason why a job has no verdict, in words, with what a person can do.
type Delay struct {
	Code   DelayCode
	Reason string
	Remedy string
	Until  Time   // when it is over by itself; 0: unknown
	Runner string // that it is about; "": several, or none
}

// DelayCode is a stable word for a Delay.
type DelayCode string

// The codes.
const (
	DelayEnded         DelayCode = "ended"
	DelayHandwritten   DelayCode = "handwritten"
	DelayPaused        DelayCode = "paused"
	DelayPoolGone      DelayCode = "pool_gone"
	DelayUpload        DelayCode = "upload_missing"
	DelayHeld          DelayCode = "held"
	DelayCancel        DelayCode = "cancel_requested"
	DelayLeaseExpired  DelayCode = "lease_expired"
	DelayNoRunner      DelayCode = "no_runner"
	DelayNoLanguage    DelayCode = "no_runner_for_language"
	DelayNoChecker     DelayCode = "no_runner_for_checker"
	DelayRunnersBarred DelayCode = "runners_barred"
	DelayBackOff       DelayCode = "backing_off"
	DelayMessageLost   DelayCode = "message_lost"
	DelayAllBusy       DelayCode = "all_busy"
	DelayQueue         DelayCode = "queue"
	DelayNone          DelayCode = "next"
)

// MaxAhead is up to which number the jobs ahead of one are counted.
const MaxAhead = 100

// Explain lists why j has no verdict yet, what matters most first. It is never empty.
func (j Job) Explain(s Surroundings) []Delay {
	switch {
	case j.Final():
		return []Delay{{Code: DelayEnded, Reason: "it has ended: " + string(j.State), Remedy: "rejudge it to judge it again"}}
	case j.State == Created && j.Language == Handwritten:
		return []Delay{{Code: DelayHandwritten, Reason: "it is handwritten: kept, and never judged by a runner", Remedy: "none is needed"}}
	case j.State == Created:
		return []Delay{{Code: DelayUpload, Reason: "its code was not uploaded, or the upload was not followed by submit", Remedy: "upload the code to the URL that create gave, then POST /jobs/{id}/submit"}}
	case j.State == Claimed && j.CancelRequested:
		return []Delay{{Code: DelayCancel, Reason: "it is to be cancelled, and its runner has not heard of it yet", Remedy: "none is needed: it ends with the runner's next word, or with its lease", Until: j.Claim.LeaseExpiresAt, Runner: j.Claim.Runner}}
	case j.State == Claimed && !j.LeaseExpired(s.Now):
		return []Delay{{
			Code:   DelayHeld,
			Reason: fmt.Sprintf("%s holds it since %s; attempt %d", j.Claim.Runner, clock(j.Claim.ClaimedAt), j.Attempt),
			Remedy: "wait: the lease ends unless the runner is heard. If the runner is stuck, stop it and another gets the job",
			Until:  j.Claim.LeaseExpiresAt, Runner: j.Claim.Runner,
		}}
	}
	waits := j.waits(s)
	if j.State != Claimed {
		return waits
	}
	silent := Delay{Code: DelayLeaseExpired, Reason: j.Claim.Runner + " holds it and has fallen silent", Remedy: "none is needed: the next runner that asks gets it", Runner: j.Claim.Runner}
	if j.Over(s.Now) {
		silent.Reason += ", and it may not be tried again"
		silent.Remedy = "none is needed: the sweep, once a minute, ends it"
		silent.Until = s.Now.Add(time.Minute)
	}
	if j.Over(s.Now) || waits[0].Code == DelayNone {
		return []Delay{silent}
	}
	return append([]Delay{silent}, waits...)
}

// waits lists why j, which can be claimed, is not.
func (j Job) waits(s Surroundings) []Delay {
	by := map[Why][]string{}
	var delays, backOffs []Delay
	idle, there := 0, 0
	for _, c := range s.Present {
		if !c.Pools.Has(j.Pool) {
			continue
		}
		there++
		o := j.MayHave(c, s.Needs, s.Now)
		by[o.Why] = append(by[o.Why], c.Runner)
		if o.Why == "" && !s.Busy[c.Runner] {
			idle++
		}
		if o.Why == BackOff {
			backOffs = append(backOffs, Delay{Code: DelayBackOff, Reason: c.Runner + " has failed at it or given it back, and others come first", Remedy: "see in the log of " + c.Runner + " why; another runner may have the job at once", Until: o.Until, Runner: c.Runner})
		}
	}
	for _, p := range s.Pauses {
		delays = append(delays, Delay{Code: DelayPaused, Reason: p.Reason, Remedy: p.Remedy})
	}
	if s.Gone != "" {
		delays = append(delays, Delay{
			Code:   DelayPoolGone,
			Reason: "its pool " + s.Gone + " is not there any more, so the runners of " + j.Pool.Name() + " get it: the sweep, once a minute, rings for it in their queue",
			Remedy: "none is needed; or declare the pool again, deploy, and rejudge the job in it",
		})
	}
	able := len(by[""]) + len(by[BackOff])
	if there == 0 && j.Pool != "" {
		delays = append(delays, Delay{Code: DelayNoRunner, Reason: "no runner that serves the pool " + j.Pool.Name() + " was heard of late", Remedy: "start one whose token allows that pool, or rejudge the job in another"})
	} else if there == 0 {
		delays = append(delays, Delay{Code: DelayNoRunner, Reason: "no runner was heard of late", Remedy: "start one"})
	} else if able == 0 {
		// No runner may have it: each group of them has its reason.
		for _, one := range []struct {
			why            Why
			code           DelayCode
			reason, remedy string
		}{
			{LacksLanguage, DelayNoLanguage, fmt.Sprintf("these runners do not judge language %d: ", j.Language), "start a runner that has its compiler, or release a barred one"},
			{LacksCheckers, DelayNoChecker, "its problem has a checker that these runners cannot run: ", "start a runner that has the language of the checker, and of a version that knows of checkers"},
		} {
			if names := by[one.why]; len(names) > 0 {
				delays = append(delays, Delay{Code: one.code, Reason: one.reason + some(names), Remedy: one.remedy})
			}
			delete(by, one.why)
		}
		for _, why := range slices.Sorted(maps.Keys(by)) {
			if why != RunnerQuarantined {
				delays = append(delays, Delay{Code: DelayRunnersBarred, Reason: "these runners get no jobs (" + string(why) + "): " + some(by[why]), Remedy: barredRemedies[why]})
			}
		}
	}
	if names := by[RunnerQuarantined]; idle == 0 && len(names) > 0 {
		delays = append(delays, Delay{
			Code:   DelayRunnersBarred,
			Reason: "these runners are quarantined, because their attempts ended badly at jobs that others finished: " + some(names),
			Remedy: "see in their logs why, and mend that: each gets a job now and then, and its result lets it back; or release them at once",
		})
	}
	if len(by[""]) == 0 {
		delays = append(delays, backOffs...)
	}
	if s.SilentSince != 0 && s.Now.Sub(j.ClaimableSince()) >= lostAfter {
		delays = append(delays, Delay{Code: DelayMessageLost, Reason: "the queue shows no message since " + clock(s.SilentSince) + ": the one about this job may be lost", Remedy: "none is needed: the sweep, once a minute, rings for it again", Until: s.Now.Add(time.Minute)})
	}
	if n := len(by[""]); n > 0 && idle == 0 {
		delays = append(delays, Delay{Code: DelayAllBusy, Reason: fmt.Sprintf("all that may have it are busy: %d runners, with jobs that had waited %.0f s on average", n, s.MeanWait.Seconds()), Remedy: "start more runners, or wait"})
	}
	switch {
	case s.Ahead > MaxAhead:
		delays = append(delays, Delay{Code: DelayQueue, Reason: fmt.Sprintf("more than %d jobs that wait were queued before it", MaxAhead), Remedy: "start more runners, or wait"})
	case s.More:
		delays = append(delays, Delay{Code: DelayQueue, Reason: fmt.Sprintf("at least %d jobs that wait were queued before it: there are more open jobs than one look takes", s.Ahead), Remedy: "start more runners, or wait"})
	case s.Ahead > 0:
		delays = append(delays, Delay{Code: DelayQueue, Reason: fmt.Sprintf("jobs that wait and were queued before it: %d", s.Ahead), Remedy: "wait"})
	case len(delays) == 0:
		delays = append(delays, Delay{Code: DelayNone, Reason: "nothing stands in its way", Remedy: "none is needed: the next runner that asks gets it"})
	}
	return delays
}

// barredRemedies are what a person can do about runners that operators have barred.
var barredRemedies = map[Why]string{
	RunnerPaused:   "resume them (ctl runner NAME resume), or start others",
	RunnerDraining: "start others; or release them (ctl runner NAME release), if they are to go on",
	RunnerRetired:  "start others, under other names: these are retired for ever",
}

// some names a few of many.
func some(names []string) string {
	const shown = 5
	slices.Sort(names)
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func clock(t Time) string { return t.Std().Format(time.RFC3339) }
