package dispatch

import (
	"context"
	"fmt"
	"strings"

	"runlease/shared/job"
)

// FinalJobs lists up to limit final jobs (1 to 100) of a problem, or all that are
// disputed (0), the latest end first, behind a cursor; next is "" if there are no
// more. A job that has been rejudged while the list was read is left out, so a
// page may be short. Refused with InvalidCursor.
func (d *Dispatcher) FinalJobs(ctx context.Context, problem int, cursor string, limit int) (found []job.Job, next string, answer Answer, err error) {
	// In letters that need no escape in a URL.
	if cursor = strings.ReplaceAll(cursor, ".", "#"); cursor != "" {
		if _, ours := ReadFinalCursor(cursor, problem); !ours {
			return nil, "", badCursor, nil
		}
	}
	page, more, err := d.finalPage(ctx, problem, cursor, limit)
	if err != nil || len(page) == 0 {
		return nil, "", granted, err
	}
	ids := make([]string, len(page))
	for i, f := range page {
		ids[i] = f.ID
	}
	jobs, err := d.Store.GetMany(ctx, ids)
	if err != nil {
		return nil, "", Answer{}, fmt.Errorf("read final jobs: %w", err)
	}
	for _, id := range ids {
		if j := jobs[id]; j.Final() && (problem != 0 || j.Disputed) {
			found = append(found, j)
		}
	}
	if more {
		last := page[len(page)-1]
		if next = last.Cursor(); problem == 0 {
			next = last.DisputedCursor()
		}
	}
	return found, strings.ReplaceAll(next, "#", "."), granted, nil
}

func (d *Dispatcher) finalPage(ctx context.Context, problem int, cursor string, limit int) ([]FinalJob, bool, error) {
	if problem == 0 {
		return d.Store.Disputed(ctx, cursor, limit)
	}
	return d.Store.FinalOf(ctx, problem, cursor, limit)
}
