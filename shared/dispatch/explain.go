package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// The bounds of what an explanation reads. It is the same for any backlog.
const (
	aheadPage = job.MaxAhead + 1 // entries of the index of open jobs, of each shard
	aheadRead = 1000             // jobs of those, the oldest first
	fleetPage = 1000             // records of runners in a read
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
	if d.Roster != nil {
		pauses, err := d.Roster.Pauses(ctx)
		if err != nil {
			return err
		}
		if p := roster.Pauses(pauses).Of(j.Pool.Name(), j.Problem); p != nil {
			s.Paused = pausedDetail(p)
		}
		runners, err := d.there(ctx)
		if err != nil {
			return err
		}
		for _, r := range runners {
			s.Present = append(s.Present, job.Candidate{Runner: r.Name, Pools: r.Pools, Languages: r.Languages, Checkers: r.Checkers, Barred: r.Barred()})
		}
	}
	return d.ahead(ctx, j, s)
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

// ahead counts the waiting jobs that were queued before j, and reads the holders of the
// others.
func (d *Dispatcher) ahead(ctx context.Context, j job.Job, s *job.Surroundings) error {
	var before []OpenJob
	for shard := range Shards {
		page, next, err := d.Store.Open(ctx, shard, "", aheadPage)
		if err != nil {
			return err
		}
		all := len(page)
		page = slices.DeleteFunc(page, func(o OpenJob) bool { return o.QueuedAt >= j.QueuedAt })
		s.More = s.More || next != "" && len(page) == all
		before = append(before, page...)
	}
	slices.SortFunc(before, func(a, b OpenJob) int { return int(a.QueuedAt - b.QueuedAt) })
	if len(before) > aheadRead {
		before, s.More = before[:aheadRead], true
	}
	var waited time.Duration
	held := 0
	for some := range slices.Chunk(before, 100) {
		ids := make([]string, len(some))
		for i, o := range some {
			ids[i] = o.ID
		}
		jobs, err := d.Store.GetMany(ctx, ids)
		if err != nil {
			return fmt.Errorf("read the jobs ahead: %w", err)
		}
		for _, other := range jobs {
			if d.InPool(other) != j.Pool {
				continue
			}
			switch {
			case other.Claimable(s.Now):
				s.Ahead++
			case other.State == job.Claimed:
				s.Busy[other.Claim.Runner] = true
				waited += other.Claim.ClaimedAt.Sub(min(other.RungAt, other.Claim.ClaimedAt))
				held++
			}
		}
		if s.Ahead > job.MaxAhead {
			s.More = true
			break
		}
	}
	if held > 0 {
		s.MeanWait = waited / time.Duration(held)
	}
	return nil
}
