package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// strike is the killing of a runner: which one, and which claim it held.
type strike struct {
	runner  string
	attempt int
}

// The job that is struck runs for two to three seconds. Asked for every tenth
// of a second and hit half a second after it was first seen claimed, it is in
// the middle of its cases.
const (
	lookEvery  = 100 * time.Millisecond
	strikeWait = 500 * time.Millisecond
)

// strikeRunner waits until one of the fleet's runners has claimed the job, lets
// it get into the middle, and kills it with SIGKILL if it still has it then.
func strikeRunner(ctx context.Context, api *producer, f *fleet, id string) (strike, error) {
	var seen time.Time
	var s strike
	for {
		var j job
		if err := api.call(ctx, http.MethodGet, "/jobs/"+id, nil, &j); err != nil {
			return s, err
		}
		claimed := j.State == "claimed" && j.Holder != nil && !j.Holder.Expired && f.runs(j.Holder.Runner)
		now := strike{attempt: j.Attempt}
		if claimed {
			now.runner = j.Holder.Runner
		}
		switch {
		case j.final():
			return s, errors.New("the job was judged before its runner could be killed")
		case !claimed:
			seen = time.Time{}
		case seen.IsZero() || now != s:
			seen, s = time.Now(), now
		case time.Since(seen) >= strikeWait:
			if err := f.kill(s.runner); err != nil {
				return s, fmt.Errorf("kill runner %s: %w", s.runner, err)
			}
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-time.After(lookEvery):
		}
	}
}
