package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runlease/shared/job"
)

// The bounds of one call of OpenJobs and of Pools. They do not grow with the backlog.
const (
	openPage = 25  // entries of each shard of the index of open jobs
	openRead = 100 // jobs that are looked at
)

// JobFilter is which jobs are wanted; what is zero does not matter.
type JobFilter struct {
	State   job.State // Queued or Claimed
	Pool    string
	Runner  string // that holds the job
	Problem int
}

func (f JobFilter) takes(j job.Job) bool {
	return j.Open() && (f.State == "" || f.State == j.State) && (f.Pool == "" || f.Pool == j.Pool.Name()) &&
		(f.Runner == "" || f.Runner == j.Claim.Runner) && (f.Problem == 0 || f.Problem == j.Problem)
}

// OpenJobs lists up to limit open jobs (1 to 100) that a filter takes, the first
// queued first, behind a cursor. It looks at 100 jobs at most, so a page may have few
// of them or none and still be followed by others: only where next is "" there
// are no more. Refused with InvalidCursor.
func (d *Dispatcher) OpenJobs(ctx context.Context, f JobFilter, cursor string, limit int) (found []job.Job, next string, answer Answer, err error) {
	behind, ours := readOpenCursor(cursor)
	if !ours {
		return nil, "", badCursor, nil
	}
	entries, more, err := d.oldestOpen(ctx, behind, openPage)
	if err != nil {
		return nil, "", Answer{}, err
	}
	if len(entries) > openRead {
		entries, more = entries[:openRead], true
	}
	jobs, err := d.readOpen(ctx, entries)
	if err != nil {
		return nil, "", Answer{}, err
	}
	for i, e := range entries {
		if j, exists := jobs[e.ID]; exists && f.takes(j) {
			found = append(found, j)
		}
		if len(found) == limit && (more || i < len(entries)-1) {
			return found, openCursor(e), granted, nil
		}
	}
	if more {
		next = openCursor(entries[len(entries)-1])
	}
	return found, next, granted, nil
}

// badCursor refuses a cursor that no reply has had.
var badCursor = Answer{Outcome: InvalidCursor, Detail: "want the next of an earlier reply, or none to begin with the first"}

// openCursor is the cursor of OpenJobs: as that of the store, in letters that need no
// escape in a URL.
func openCursor(o OpenJob) string { return fmt.Sprintf("%d.%s", o.QueuedAt, o.ID) }

func readOpenCursor(s string) (behind string, ours bool) {
	if s == "" {
		return "", true
	}
	at, id, _ := strings.Cut(s, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	o := OpenJob{ID: id, QueuedAt: job.Time(ms)}
	return o.Cursor(), err == nil && ms >= 0 && job.ValidID(id) && openCursor(o) == s
}

// oldestOpen lists the entries of open jobs behind a cursor of the store that were
// queued first, from a page of each shard; more reports whether there are others.
func (d *Dispatcher) oldestOpen(ctx context.Context, behind string, page int) (entries []OpenJob, more bool, err error) {
	order := func(a, b OpenJob) int {
		return cmp.Or(cmp.Compare(a.QueuedAt, b.QueuedAt), strings.Compare(a.ID, b.ID))
	}
	var known *OpenJob // as far as all shards have been read
	for shard := range Shards {
		of, next, err := d.Store.Open(ctx, shard, behind, page)
		if err != nil {
			return nil, false, fmt.Errorf("list open jobs: %w", err)
		}
		if next != "" && len(of) > 0 && (known == nil || order(of[len(of)-1], *known) < 0) {
			known = &of[len(of)-1]
		}
		entries = append(entries, of...)
	}
	slices.SortFunc(entries, order)
	if known == nil {
		return entries, false, nil
	}
	to, _ := slices.BinarySearchFunc(entries, *known, order)
	return entries[:to+1], true, nil
}

// readOpen reads the jobs of up to 100 entries.
func (d *Dispatcher) readOpen(ctx context.Context, entries []OpenJob) (map[string]job.Job, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	jobs, err := d.Store.GetMany(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read open jobs: %w", err)
	}
	return jobs, nil
}
