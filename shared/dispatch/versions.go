package dispatch

import (
	"context"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// versionKey names a published version, which never changes: a warm function reads none.
type versionKey struct{ id, number int }

// maxVersions bounds the memory: a version of 100 tasks takes about 4 KB.
const maxVersions = 512

// version reads a published version, from memory if it is known.
func (d *Dispatcher) version(ctx context.Context, id, number int) (problem.Content, error) {
	if c, found := d.known.get(versionKey{id, number}); found {
		return c, nil
	}
	c, found, err := d.Store.ProblemVersion(ctx, id, number)
	if err != nil {
		return problem.Content{}, err
	}
	if !found {
		return problem.Content{}, fmt.Errorf("version %d of problem %d is gone", number, id)
	}
	d.known.put(versionKey{id, number}, c)
	return c, nil
}

// anyVersion stands for "there is a version"; none has this number.
const anyVersion = 0

// published returns the pool of a problem, and refuses with ProblemNotFound if it
// has no version. Once it has one, it always will; its pool is remembered for a
// minute, and asked for only where there is a choice.
func (d *Dispatcher) published(ctx context.Context, id int) (job.Pool, Answer, error) {
	now := d.Now().Round(0) // the wall clock, as in pace.go
	home, known := d.homes.get(id)
	if known = known && now.Sub(home.at) < homeKept; len(d.Queues) == 0 {
		_, known = d.known.get(versionKey{id, anyVersion})
	}
	if known {
		return home.pool, granted, nil
	}
	p, found, err := d.Store.Problem(ctx, id)
	switch {
	case err != nil:
		return "", Answer{}, err
	case !found:
		return "", Answer{Outcome: ProblemNotFound}, nil
	case p.Version == 0:
		return "", Answer{Outcome: ProblemNotFound, Detail: "it has a draft, which was never published"}, nil
	}
	d.known.put(versionKey{id, anyVersion}, p.Current)
	d.homes.put(id, homeOf{p.Pool, now})
	return p.Pool, granted, nil
}
