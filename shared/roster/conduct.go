package roster

import (
	"slices"
	"time"

	"runlease/shared/job"
)

// The numbers of a runner's conduct.
const (
	// patientLooks are how often in a row a runner may look at jobs and claim none
	// before it hides less of them: once because what it saw was gone when it claimed,
	// and once more.
	patientLooks = 2
	// FirstHold is how many jobs a runner may hold without a word about them since their
	// claims: as many as one sync gives out, so that no first request is refused.
	FirstHold = 10
	// MostHold bounds what that grows to: the leases that one sync can keep.
	MostHold = 100
	// oldestRead are the jobs that are read before a runner is refused. Half of them
	// must have been heard of: then it works, and the others are younger.
	oldestRead = 4
	// CheckEvery is how long a refusal stands without another read.
	CheckEvery = 5 * time.Second
	// busyFor is in which time a runner that takes more than it may hold is a large one.
	busyFor = time.Minute
)

// Conduct is what one process has seen of a runner recently. It is not stored: a claim
// or a result costs no write for it. The zero Conduct is of a runner that was not seen.
type Conduct struct {
	looks    int      // in a row, without a claim that is known here
	listed   []Hold   // by the last of them
	held     []Hold   // and nothing was heard of them since, oldest first
	reserved int      // of claims under way
	bound    int      // of held; 0: FirstHold
	failing  bool     // it has failed at what it looks at
	full     bool     // the bound has kept it from jobs
	heard    int      // of held, since then
	lastGood job.Time // the latest result of it that is known here
	first    job.Time // when it was first seen here
	judged   job.Time // when jobs were read last to judge it
	looked   job.Time // when it was last shown more than one job though it only looks
	checked  job.Time // when jobs were read last
}

// Finished notes that a result of the runner was accepted.
func (c *Conduct) Finished(at job.Time) { c.lastGood = max(c.lastGood, at) }

// Trial returns the jobs of a suspect runner to read before Judge: another process may
// have taken their results. It is due if enough time has passed since the last trial, or
// if there is a result.
func (c *Conduct) Trial(r Runner, now job.Time) (read []string, due bool) {
	if c.first == 0 {
		c.first = now
	}
	first := r.firstBad()
	if good := r.State == Serving && c.lastGood >= first; !good && now.Sub(c.judged) < JudgeEvery {
		return nil, false
	}
	c.judged = now
	for _, h := range c.held {
		if h.At > first && len(read) < oldestRead {
			read = append(read, h.Job)
		}
	}
	return append(read, r.Reads()...), true
}

// Judged returns the judgement of a runner by the jobs that were read.
func (c *Conduct) Judged(r Runner, jobs map[string]job.Job, now job.Time) Runner {
	for _, h := range c.held {
		c.Finished(resultOf(jobs[h.Job], func(p job.Past) bool { return p.Runner == r.Name && p.Attempt == h.Attempt }))
	}
	return r.Judge(jobs, c.lastGood, now.Sub(c.first) >= Remembered, now)
}

// Hold is a job as a runner got it.
type Hold struct {
	Job     string
	Attempt int
	At      job.Time // of the claim
	Until   job.Time // the end of its lease
}

// Look notes that a runner was shown jobs. Read the jobs that it returns
// and give them to Saw before the runner hides less than longest: another process may have
// served its claims.
func (c *Conduct) Look(shown []job.Job, longest time.Duration, now job.Time) (read []string) {
	c.looks++
	if c.looks > patientLooks && len(c.listed) > 0 && now.Sub(c.checked) >= longest {
		c.checked = now
		read = ids(c.listed)
	}
	c.listed = nil
	for _, j := range shown[:min(len(shown), oldestRead)] {
		c.listed = append(c.listed, Hold{Job: j.ID, Attempt: j.Attempt + 1})
	}
	return read
}

// Hides is how long what the runner is shown is kept from others: from its third look
// without a claim a second less each time, since a queue counts in seconds.
func (c *Conduct) Hides(longest time.Duration) time.Duration {
	return max(0, longest-time.Duration(max(0, c.looks-patientLooks))*time.Second)
}

// Glimpse reports whether to show a runner one job only: it has looked so often without
// a claim that it hides nothing any more. A request hides what it looks at until
// it has been answered; so such a runner sees what is behind the first job once in
// longest.
func (c *Conduct) Glimpse(longest time.Duration, now job.Time) bool {
	if c.Hides(longest) > 0 {
		return false
	}
	if now.Sub(c.looked) < longest {
		return true
	}
	c.looked = now
	return false
}

// Failing notes that a runner took messages of jobs that it has failed at. Until it is
// heard of a job, its claims do not count as a sign that it works.
func (c *Conduct) Failing() { c.looks, c.failing = c.looks+1, true }

// Claimed notes that it has claimed a job.
func (c *Conduct) Claimed(j job.Job) {
	if c.listed = nil; !c.failing {
		c.looks = 0
	}
	c.held = append(c.held, Hold{j.ID, j.Attempt, j.Claim.ClaimedAt, j.Claim.LeaseExpiresAt})
}

// Heard notes a heartbeat or a result.
func (c *Conduct) Heard(id string) {
	before := len(c.held)
	c.GaveBack(id)
	if c.failing = false; len(c.held) < before {
		c.works(1)
	}
}

// GaveBack notes a release.
func (c *Conduct) GaveBack(id string) {
	c.held = slices.DeleteFunc(c.held, func(h Hold) bool { return h.Job == id })
}

// works notes that the runner reported on jobs. A runner that was refused jobs and
// reports on half of the jobs that it may hold is large, so it may hold twice as many.
func (c *Conduct) works(jobs int) {
	if c.heard += jobs; c.full && c.heard >= c.mayHold()/2 {
		c.bound, c.full = min(2*c.mayHold(), MostHold), false
	}
}

func (c *Conduct) mayHold() int { return max(c.bound, FirstHold) }

// Reserve lets the runner claim up to want jobs; Settle ends that. If it is to have
// fewer, jobs may have to be read and given to Saw first: then it returns those.
func (c *Conduct) Reserve(want int, now job.Time) (granted int, read []string) {
	c.held = slices.DeleteFunc(c.held, func(h Hold) bool { return now >= h.Until })
	free := max(0, c.mayHold()-len(c.held)-c.reserved)
	if free < want {
		if !c.full {
			c.full, c.heard = true, 0
		}
		if len(c.held) > 0 && now.Sub(c.checked) >= CheckEvery {
			c.checked = now
			return 0, ids(c.held[:min(len(c.held), oldestRead)])
		}
	}
	granted = min(want, free)
	c.reserved += granted
	return granted, nil
}

// Settle ends what Reserve granted.
func (c *Conduct) Settle(granted int) { c.reserved -= granted }

// Saw judges by jobs as they are stored: what the runner has made of them other
// processes may have heard.
func (c *Conduct) Saw(runner string, jobs map[string]job.Job, now job.Time) {
	for _, shown := range c.listed {
		if j, read := jobs[shown.Job]; read && madeBy(j, runner, shown.Attempt) {
			c.looks = 0
		}
	}
	var silent []Hold
	read, worked := 0, 0
	for _, h := range c.held {
		j, found := jobs[h.Job]
		if !found {
			continue
		}
		switch read++; {
		case j.HeldBy(runner, "") == job.OK && j.Attempt == h.Attempt && j.Claim.HeartbeatAt() <= h.At:
			silent = append(silent, h)
		case lost(j, h.Attempt):
			c.bound, c.full = FirstHold, false
		default:
			worked++
		}
	}
	if read == 0 {
		return
	}
	if 2*worked < read {
		c.held = slices.DeleteFunc(c.held, func(h Hold) bool { _, found := jobs[h.Job]; return found })
		c.held = append(silent, c.held...)
		return
	}
	if now.Sub(c.held[0].At) < busyFor {
		c.works(len(c.held))
	}
	c.held = silent
}

// madeBy reports whether a runner has made an attempt at a job, or a later one.
func madeBy(j job.Job, runner string, attempt int) bool {
	return j.HeldBy(runner, "") == job.OK && j.Attempt >= attempt ||
		slices.ContainsFunc(j.Past, func(p job.Past) bool { return p.Runner == runner && p.Attempt >= attempt })
}

func lost(j job.Job, attempt int) bool {
	return slices.ContainsFunc(j.Past, func(p job.Past) bool { return p.Attempt == attempt && p.How == job.HowLost })
}

func ids(holds []Hold) []string {
	ids := make([]string, len(holds))
	for i, h := range holds {
		ids[i] = h.Job
	}
	return ids
}
