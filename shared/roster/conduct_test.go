package roster

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/job"
)

const longest = 3 * time.Second

func queued(id string) job.Job { return job.Job{ID: id, State: job.Queued, Attempt: 4} }

// claimed is a job that a runner holds since a time, for 15 minutes.
func claimed(id, runner string, at job.Time) job.Job {
	j, _ := job.ClaimOp{Now: at, Runner: runner, LeaseSeconds: 900}.Apply(queued(id))
	return j
}

// hides looks n times and lists how long what was seen is hidden, in seconds.
func hides(c *Conduct, n int, now job.Time) (s string) {
	for range n {
		c.Look([]job.Job{queued("a")}, longest, now)
		s += fmt.Sprint(c.Hides(longest).Seconds())
	}
	return s
}

func TestWhoLooksAndDoesNotClaimHidesLess(t *testing.T) {
	var c Conduct
	if got := hides(&c, 6, 1e6); got != "332100" {
		t.Errorf("it hides for %s s", got)
	}
	for at, want := range []bool{false, true, true, false, true} {
		if one := c.Glimpse(longest, 1e6+job.Time(1000*at)); one != want {
			t.Errorf("%d s later it is shown one job only: %t", at, one)
		}
	}
	c.Claimed(claimed("a", "r", 1e6))
	if got := hides(&c, 3, 1e6); got != "332" {
		t.Errorf("after a claim: %s", got)
	}
	// A claim of a runner that passes over jobs that it has failed at proves nothing.
	c.Failing()
	c.Claimed(claimed("b", "r", 1e6))
	if got := hides(&c, 1, 1e6); got != "0" {
		t.Errorf("failing: %s", got)
	}
	c.Heard("b")
	c.Claimed(claimed("c", "r", 1e6))
	if got := hides(&c, 1, 1e6); got != "3" {
		t.Errorf("after a result: %s", got)
	}
}

// TestClaimsThatAnotherProcessHasServed are found by one read each time that the
// runner would hide less.
func TestClaimsThatAnotherProcessHasServed(t *testing.T) {
	for name, now := range map[string]job.Job{
		"held":     claimed("a", "r", 1e6),
		"finished": {Past: []job.Past{{Runner: "r", Attempt: 5}}},
	} {
		var c Conduct
		hides(&c, 2, 1e6)
		read := c.Look([]job.Job{queued("b")}, longest, 1e6)
		if len(read) != 1 || read[0] != "a" {
			t.Fatalf("%s: reads %v", name, read)
		}
		if again := c.Look([]job.Job{queued("b")}, longest, 1e6+2999); len(again) != 0 {
			t.Errorf("%s: reads %v again", name, again)
		}
		for other, j := range map[string]job.Job{
			"another runner's": claimed("b", "s", 1e6), "one that another has ended": {Past: []job.Past{{Runner: "s", Attempt: 5}}}, "an attempt from before it was shown": {Past: []job.Past{{Runner: "r", Attempt: 4}}},
		} {
			if c.Saw("r", map[string]job.Job{"b": j}, 1e6); c.Hides(longest) == longest {
				t.Errorf("%s counts", other)
			}
		}
		if c.Saw("r", map[string]job.Job{"b": now}, 1e6); c.Hides(longest) != longest {
			t.Errorf("%s: its claim does not count", name)
		}
	}
}

// holder is the conduct of a runner that has claimed n jobs, and those jobs.
func holder(n int, at job.Time) (*Conduct, map[string]job.Job) {
	c, jobs := &Conduct{}, map[string]job.Job{}
	for i := range n {
		j := claimed(fmt.Sprint("j", i), "r", at)
		jobs[j.ID] = j
		c.Claimed(j)
	}
	return c, jobs
}

func TestWhoSaysNothingOfWhatItHoldsGetsNoMore(t *testing.T) {
	const at, now = job.Time(1e6), job.Time(1e6 + 70e3)
	part := func(jobs map[string]job.Job, ids []string, change func(job.Job) job.Job) map[string]job.Job {
		read := map[string]job.Job{}
		for i, id := range ids {
			if read[id] = jobs[id]; i < 2 {
				read[id] = change(jobs[id])
			}
		}
		return read
	}
	keep := func(j job.Job) job.Job { return j }
	beat := func(j job.Job) job.Job { j, _ = job.HeartbeatOp{Now: at + 60e3, Runner: "r"}.Apply(j); return j }
	done := func(job.Job) job.Job { return job.Job{State: job.Finished} }
	gone := func(job.Job) job.Job {
		return job.Job{State: job.Queued, Past: []job.Past{{Attempt: 5, How: job.HowLost}}}
	}
	for name, tc := range map[string]struct {
		holds, want int
		change      func(job.Job) job.Job
		granted     int
	}{
		"nothing":                         {0, 10, keep, 10},
		"some":                            {4, 6, keep, 6},
		"more than a sync gives out":      {4, 10, keep, 6},
		"too many":                        {10, 1, keep, 0},
		"too many, half of them go on":    {10, 10, beat, 8},
		"too many, half of them finished": {10, 10, done, 8},
		"too many, half of them lost":     {10, 10, gone, 2},
	} {
		c, jobs := holder(tc.holds, at)
		granted, read := c.Reserve(tc.want, now)
		if len(read) > 0 {
			if granted != 0 || len(read) > oldestRead {
				t.Errorf("%s: granted %d, reads %v", name, granted, read)
			}
			c.Saw("r", part(jobs, read, tc.change), now)
			granted, read = c.Reserve(tc.want, now)
		}
		if granted != tc.granted || len(read) > 0 {
			t.Errorf("%s: granted %d, reads %v, want %d", name, granted, read, tc.granted)
		}
		if more, _ := c.Reserve(10, now); granted == 10 && more != 0 {
			t.Errorf("%s: %d more while claims are under way", name, more)
		}
		c.Settle(granted)
		if all, _ := c.Reserve(10, at+900e3); all != 10 {
			t.Errorf("%s: %d when the leases are over", name, all)
		}
	}
}

func TestALargeRunnerMayHoldMore(t *testing.T) {
	c, jobs := holder(10, 1e6)
	most := 0
	for round := range 8 {
		now := job.Time(1e6 + 1000*round)
		granted, read := c.Reserve(200, now)
		if len(read) > 0 {
			c.Saw("r", jobs, now)
			granted, _ = c.Reserve(200, now)
		}
		c.Settle(granted)
		most = max(most, granted)
		var held []string
		for i := range granted {
			held = append(held, fmt.Sprint(round, "-", i))
			c.Claimed(claimed(held[i], "r", now))
		}
		for _, id := range append(held, "j0", "j1", "j2", "j3", "j4", "j5", "j6", "j7", "j8", "j9") {
			c.Heard(id)
		}
	}
	if most != MostHold {
		t.Errorf("it got %d at a time", most)
	}
	small, _ := holder(0, 1e6)
	for i := range 500 { // one at a time: the bound never kept it from a job
		small.Reserve(1, 1e6)
		small.Settle(1)
		small.Claimed(claimed(fmt.Sprint(i), "r", 1e6))
		small.Heard(fmt.Sprint(i))
	}
	if granted, _ := small.Reserve(200, 1e6); granted != FirstHold {
		t.Errorf("a small one may hold %d", granted)
	}
}
