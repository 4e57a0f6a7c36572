package dispatch

import (
	"context"
	"slices"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// The bounds of what an explanation reads. It is the same for any backlog.
const (
	aheadPage = 100  // entries of the index of open jobs in a read, of each shard
	aheadRead = 3000 // jobs, the oldest first
	laterRead = 50   // jobs that were queued later, for what runners hold
	fleetPage = 1000 // records of runners in a read
	// fleetPages are read at most. Of a fleet that comes and goes most records are of
	// runners that are gone: each is kept for roster.Kept.
	fleetPages = 10
)

// heardOfLate is how old a record's LastHeard may be of a runner that is there: it is
// written every five minutes, by a poll that comes every five minutes at the latest.
const heardOfLate = 2*roster.HeardEvery + roster.Remembered

// Explain lists why a job has no verdict yet. Refused with NotFound.
func (d *Dispatcher) Explain(ctx context.Context, id string) (job.Job, []job.Delay, Answer, error) {
	j, answer, err := d.Get(ctx, id)
	if err != nil || !answer.OK() {
		return j, nil, answer, err
	}
	s := job.Surroundings{Now: d.now(), Busy: map[string]bool{}}
	if in := d.InPool(j); in != j.Pool {
		s.Gone, j.Pool = j.Pool.Name(), in
	}
	if j.Claimable(s.Now) {
		if err := d.surroundings(ctx, j, &s); err != nil {
			return j, nil, Answer{}, err
		}
	}
	return j, j.Explain(s), granted, nil
}

func (d *Dispatcher) surroundings(ctx context.Context, j job.Job, s *job.Surroundings) error {
	p, found, err := d.Store.Problem(ctx, j.Problem)
	if err != nil {
		return err
	}
	if found {
		s.Needs = needsIn(p.Current)
	}
	mark, err := d.Store.Mark(ctx)
	if err != nil {
		return err
	}
	s.SilentSince = mark.SilenceOf(j.Pool)
	held, err := d.ahead(ctx, j, s)
	if err != nil {
		return err
	}
	if d.Roster != nil {
		pauses, err := d.Roster.Pauses(ctx)
		if err != nil {
			return err
		}
		for _, p := range roster.Pauses(pauses).All(j.Pool.Name(), j.Problem) {
			s.Pauses = append(s.Pauses, job.PausedBy{Reason: pausedDetail(&p), Remedy: "end it: ctl resume" + p.Flag() + " -why TEXT; a minute later it holds nothing back any more"})
		}
		runners, err := d.there(ctx)
		if err != nil {
			return err
		}
		for _, r := range runners {
			s.Busy[r.Name] = held[r.Name] >= max(1, r.Slots)
			s.Present = append(s.Present, job.Candidate{Runner: r.Name, Pools: r.Pools, Languages: r.Languages, Checkers: r.Checkers, Barred: r.Barred()})
		}
	}
	return nil
}

// there lists the runners that were heard recently.
func (d *Dispatcher) there(ctx context.Context) (present []roster.Runner, err error) {
	after := ""
	for range fleetPages {
		page, err := d.Roster.Runners(ctx, after, fleetPage)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			if d.Present(r) {
				present = append(present, r)
			}
		}
		if len(page) < fleetPage {
			break
		}
		after = page[len(page)-1].Name
	}
	return present, nil
}

// ahead counts the waiting jobs of the pool that were queued before j. It returns how many
// jobs each runner holds, of any pool, as far as it has seen them: a runner that prefers
// another pool may hold what was queued later.
func (d *Dispatcher) ahead(ctx context.Context, j job.Job, s *job.Surroundings) (held map[string]int, err error) {
	held = map[string]int{}
	var waited time.Duration
	behind, more, claimed := "", true, 0
	for read := 0; more && s.Ahead <= job.MaxAhead; {
		if read >= aheadRead {
			s.More = true
			break
		}
		var before []OpenJob
		if before, more, err = d.oldestOpen(ctx, behind, aheadPage); err != nil {
			return nil, err
		}
		older := slices.IndexFunc(before, func(o OpenJob) bool { return o.QueuedAt >= j.QueuedAt })
		if older >= 0 {
			before, more = before[:min(len(before), older+laterRead)], false
			before = slices.DeleteFunc(before, func(o OpenJob) bool { return o.ID == j.ID })
		}
		read += len(before)
		for some := range slices.Chunk(before, 100) {
			jobs, err := d.readOpen(ctx, some)
			if err != nil {
				return nil, err
			}
			for _, other := range jobs {
				switch {
				case other.Claimable(s.Now):
					if other.QueuedAt < j.QueuedAt && d.InPool(other) == j.Pool {
						s.Ahead++
					}
				case other.State == job.Claimed:
					held[other.Claim.Runner]++
					waited += other.Claim.ClaimedAt.Sub(min(other.RungAt, other.Claim.ClaimedAt))
					claimed++
				}
			}
			if s.Ahead > job.MaxAhead {
				break
			}
		}
		if more {
			behind = before[len(before)-1].Cursor()
		}
	}
	if claimed > 0 {
		s.MeanWait = waited / time.Duration(claimed)
	}
	return held, nil
}
