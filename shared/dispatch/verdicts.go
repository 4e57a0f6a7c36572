package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
)

// settled is how long after a job's end it is certain to be in the index: a
// function that writes it ends within 15 s, clocks differ by less than a second,
// and the index lags by milliseconds, by seconds when it is throttled.
const settled = time.Minute

// Verdicts is a page of the feed of final jobs.
type Verdicts struct {
	Jobs        []EndedJob
	Next        string // the cursor of the page after this one
	PollSeconds int    // 0: there is more
}

// feedCursor is how far a reader has come. A job is written some time after the
// moment that is noted as its end, so a job may come into the feed before another
// that was read already. So there are two places: what ended up to Seen was read
// once, and what ended up to Sure was read when nothing could come into it any more.
// What lies between is read a second time.
type feedCursor struct{ sure, seen job.Time }

func (c feedCursor) String() string { return fmt.Sprintf("1-%d-%d", c.sure, c.seen) }

// readFeedCursor reads what String made; "": the beginning.
func readFeedCursor(s string, now job.Time) (c feedCursor, ours bool) {
	if s == "" {
		return c, true
	}
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return c, false
	}
	sure, err := strconv.ParseInt(parts[1], 10, 64)
	seen, err2 := strconv.ParseInt(parts[2], 10, 64)
	c = feedCursor{job.Time(sure), job.Time(seen)}
	return c, err == nil && err2 == nil && c.String() == s && 0 <= sure && sure <= seen && c.seen <= now.Add(settled)
}

// Verdicts lists final jobs in about the order of their end, limit of them (1 to
// 100), behind a cursor. None is ever skipped, and most are listed twice: at once,
// and a second time within minutes. A job that was rejudged before it was read is
// listed with its newer generation. Refused with InvalidCursor.
func (d *Dispatcher) Verdicts(ctx context.Context, cursor string, limit int) (Verdicts, Answer, error) {
	now := d.now()
	at, ours := readFeedCursor(cursor, now)
	if !ours {
		return Verdicts{}, Answer{Outcome: InvalidCursor, Detail: "want the next of an earlier reply, or none to begin with the oldest job that is kept"}, nil
	}
	certain := now.Add(-settled)
	again := at.sure < at.seen && certain.Sub(at.sure) >= settled
	from := at.seen
	if again {
		from = at.sure
	}
	page, more, err := d.Store.Ended(ctx, from, limit)
	if err != nil {
		return Verdicts{}, Answer{}, err
	}
	if again {
		// A second look goes no further than the first, nor than what is certain.
		to := min(at.seen, certain)
		if within := slices.IndexFunc(page, func(e EndedJob) bool { return e.EndedAt > to }); within >= 0 {
			page, more = page[:within], false
		}
		at.sure = to
		if more {
			at.sure = page[len(page)-1].EndedAt
		}
	} else if len(page) > 0 {
		first := at.sure == at.seen
		at.seen = page[len(page)-1].EndedAt
		if first { // what is older than certain needs no second look
			at.sure = max(at.sure, min(at.seen, certain))
		}
	}
	poll := d.Pace.Idle
	if more || again {
		poll = 0
	}
	return Verdicts{Jobs: page, Next: at.String(), PollSeconds: int(poll.Seconds())}, granted, nil
}
