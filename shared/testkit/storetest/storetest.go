// Package storetest is the conformance suite of dispatch.Store: every promise
// of the port as a named case. It also makes legal jobs at random, and walks
// two stores side by side through random histories.
//
// A store may give back nil for an empty slice and the other way round; in
// every other respect what is read is what was written.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/testkit/until"
)

// patience is how long the index of open jobs may lag behind.
const patience = until.Hang

// Run runs the suite, each case on an empty store.
func Run(t *testing.T, empty func(t *testing.T) dispatch.Store) {
	Part(t, "", empty)
}

// Part is Run of the cases whose names begin with a word.
func Part(t *testing.T, word string, empty func(t *testing.T) dispatch.Store) {
	for _, c := range cases {
		if strings.HasPrefix(c.name, word) {
			t.Run(c.name, func(t *testing.T) { c.run(t, empty(t)) })
		}
	}
}

// Copies runs the cases of a store that keeps copies: whatever is changed in
// place, passed in or returned, the store is not. The domain changes nothing in
// place, so a store in memory may do without.
func Copies(t *testing.T, empty func(t *testing.T) dispatch.Store) {
	t.Run("of jobs", func(t *testing.T) { jobCopies(t, empty(t)) })
	t.Run("of problems", func(t *testing.T) { problemCopies(t, empty(t)) })
}

var cases = []struct {
	name string
	run  func(*testing.T, dispatch.Store)
}{
	{"get/an unknown id is not found", getUnknown},
	{"get/every field of every legal job comes back as written", everyField},
	{"get/times of the largest and smallest kind", extremes},
	{"get many/all that there are, nothing for the others", manyWithMissing},
	{"get many/a hundred at once", manyHundred},
	{"get many/an id asked for twice, and none at all", manyOdd},

	{"create/a free id", createFree},
	{"create/a taken id gives its job and changes nothing", createTaken},
	{"create/our own write again is created", createAgain},
	{"create/of many at once, one creates", createRace},

	{"save/what was saved is read by the next get", saveThenGet},
	{"save/from any job to any other", saveAnyToAny},
	{"save/records of attempts are appended, changed and dropped", savePast},
	{"save/after somebody else wrote: not saved, their job", saveConflict},
	{"save/our own write again is saved", saveAgain},
	{"save/our own write again, overtaken, is a conflict", saveAgainOvertaken},
	{"save/a job that is not there is not made", saveMissing},
	{"save/of many at once, one saves", saveRace},
	{"save/a count by many writers loses nothing", saveCount},

	{"delete/on its version, and nothing is left", deleteJob},

	{"open/a job is listed exactly while it is open", openWhileOpen},
	{"open/a new time moves a job", openMoves},
	{"open/oldest first, page by page, each once", openPages},
	{"open/equal times are told apart by id", openEqualTimes},
	{"open/a cursor outlives its job", openCursorOfEnded},
	{"open/any entry is a cursor, of every shard", openAnyCursor},
	{"open/all shards are used, each job is in one", openShards},

	{"ended/a job is listed exactly while it is final", endedWhileFinal},
	{"ended/in the order of their end, page by page, each once", endedPages},
	{"ended/a page ends between two times", endedEqualTimes},

	{"final/a job is listed while it is final, and disputed", finalWhileFinal},
	{"final/newest first, page by page, each once", finalPages},

	{"problem/an unknown id is not found", problemUnknown},
	{"problem/every field comes back as written", problemEveryField},
	{"problem/saved on its version", problemConflict},
	{"problem/the first write too", problemFirst},
	{"problem/our own write again is saved", problemAgain},
	{"problem/a new number is recorded and never changes", problemVersions},
	{"problem/a refused publication records nothing", problemRefused},
	{"problem/listed by id, page by page", problemList},
	{"problem/versions are listed by number, page by page", problemVersionList},
	{"problem/of many at once, one publishes", problemRace},

	{"code/comes back as written, also of many at once", codeRoundTrip},
	{"code/of one id and two contents: both are there", codeOfTwo},
	{"code/written again", codeAgain},
	{"code/kept longer only where it is", codeKept},
	{"code/removed, and a job is no code", codeRemoved},

	{"mark/the zero mark before the first", markZero},
	{"mark/comes back as written", markRoundTrip},
	{"mark/saved on its version", markConflict},
	{"mark/of many at once, one saves", markRace},
	{"mark/is no job", markIsNoJob},
}

// t0 is when the suite's jobs begin.
var t0 = job.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

var written atomic.Uint64

// writeID is a fresh one, as long as dispatch makes them.
func writeID() string { return fmt.Sprintf("%016x", written.Add(1)) }

// hash is 32 random bytes in hex.
func hash() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// next is the write that turns before into after.
func next(before, after job.Job) job.Job {
	after.Revision = before.Revision + 1
	after.WriteID = writeID()
	return after
}

func created(id string) job.Job {
	j := job.CreateOp{
		Now: t0, ID: id, Problem: 1001, Language: job.CPP, Group: "contest-7",
		Code: job.Artifact{Size: 2048, SHA256: hash()},
	}.New()
	return next(job.Job{}, j)
}

// do applies an op to a job and saves the result.
func do(t *testing.T, s dispatch.Store, before job.Job, op func(job.Job) (job.Job, job.Decision)) job.Job {
	t.Helper()
	after, out := op(before)
	if !out.Write {
		t.Fatalf("op changes nothing: %v", out)
	}
	return save(t, s, before, after)
}

// save saves an undisputed change.
func save(t failer, s dispatch.Store, before, after job.Job) job.Job {
	t.Helper()
	after = next(before, after)
	current, saved, err := s.Save(t.Context(), before, after)
	if err != nil || !saved {
		t.Fatalf("Save: saved %v, error %v", saved, err)
	}
	same(t, current, after)
	return after
}

func create(t failer, s dispatch.Store, j job.Job) job.Job {
	t.Helper()
	current, ok, err := s.Create(t.Context(), j)
	if err != nil || !ok {
		t.Fatalf("Create: created %v, error %v", ok, err)
	}
	same(t, current, j)
	return j
}

func get(t failer, s dispatch.Store, id string) job.Job {
	t.Helper()
	j, found, err := s.Get(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("Get: found %v, error %v", found, err)
	}
	return j
}

// same compares what a store gave with what it should, nil slices being empty ones.
func same(t failer, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}
