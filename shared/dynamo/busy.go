package dynamo

import (
	"context"
	"errors"
	"time"
)

// Two writers of one item get into each other's transaction. Either may still be
// the first, so the write is made again.
const (
	busyRounds  = 5
	busyBackoff = 20 * time.Millisecond
)

var errBusy = errors.New("item stays in other transactions")

// whileBusy makes a write again as long as its items are in other transactions. If the
// write's condition does not hold, written is false and left is what is stored; nil:
// nothing.
func whileBusy(ctx context.Context, attempted string, write func() error) (left item, written bool, err error) {
	for round := range busyRounds {
		if round > 0 {
			if err := pause(ctx, busyBackoff<<(round-1)); err != nil {
				return nil, false, failed(attempted, err)
			}
		}
		if err = write(); err == nil {
			return nil, true, nil
		}
		why, isRefusal := refused(err)
		switch {
		case !isRefusal:
			return nil, false, failed(attempted, err)
		case !why.busy:
			return why.current, false, nil
		}
	}
	return nil, false, failed(attempted, errors.Join(errBusy, err))
}
