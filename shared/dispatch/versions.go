package dispatch

import (
	"context"
	"fmt"
	"sync"

	"runlease/shared/problem"
)

// versions remembers published versions, which never change, so that a warm
// function reads none. The zero value is ready.
type versions struct {
	mu       sync.Mutex
	contents map[versionKey]problem.Content
}

type versionKey struct{ id, number int }

// maxVersions bounds the memory: a version of 100 tasks takes about 4 KB.
const maxVersions = 512

func (v *versions) put(id, number int, c problem.Content) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.contents == nil || len(v.contents) >= maxVersions {
		v.contents = make(map[versionKey]problem.Content)
	}
	v.contents[versionKey{id, number}] = c
}

func (v *versions) get(id, number int) (problem.Content, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, found := v.contents[versionKey{id, number}]
	return c, found
}

// version reads a published version, from memory if it is known.
func (d *Dispatcher) version(ctx context.Context, id, number int) (problem.Content, error) {
	if c, found := d.known.get(id, number); found {
		return c, nil
	}
	c, found, err := d.Store.ProblemVersion(ctx, id, number)
	if err != nil {
		return problem.Content{}, err
	}
	if !found {
		return problem.Content{}, fmt.Errorf("version %d of problem %d is gone", number, id)
	}
	d.known.put(id, number, c)
	return c, nil
}

// anyVersion stands for "there is a version"; none has this number.
const anyVersion = 0

// published refuses with ProblemNotFound if a problem has no version. Once it
// has one, it always will.
func (d *Dispatcher) published(ctx context.Context, id int) (Answer, error) {
	if _, known := d.known.get(id, anyVersion); known {
		return granted, nil
	}
	p, found, err := d.Store.Problem(ctx, id)
	switch {
	case err != nil:
		return Answer{}, err
	case !found:
		return Answer{Outcome: ProblemNotFound}, nil
	case p.Version == 0:
		return Answer{Outcome: ProblemNotFound, Detail: "it has a draft, which was never published"}, nil
	}
	d.known.put(id, anyVersion, p.Current)
	return granted, nil
}
