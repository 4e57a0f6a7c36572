package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// strike is the killing of a runner: which one, which claim it held, and of which
// generation of the job.
type strike struct {
	runner     string
	attempt    int
	generation int
}

// The job that is struck runs for two to three seconds. Asked for every tenth
// of a second and hit half a second after it was first seen claimed, it is in
// the middle of its cases. Where it is over sooner, or nobody got to look meanwhile,
// it is judged again and hit earlier.
const (
	lookEvery  = 100 * time.Millisecond
	strikeWait = 500 * time.Millisecond
)

// strikeRunner waits until one of the fleet's runners has claimed the job, lets
// it get into the middle, and kills it with SIGKILL if it still has it then. A job
// that is judged already is judged again.
func strikeRunner(ctx context.Context, api *producer, f *fleet, id string) (strike, error) {
	var seen time.Time
	var s strike
	wait := strikeWait
	for {
		var j job
		if err := api.call(ctx, http.MethodGet, "/jobs/"+id, nil, &j); err != nil {
			return s, err
		}
		claimed := j.State == "claimed" && j.Holder != nil && !j.Holder.Expired && f.runs(j.Holder.Runner)
		now := strike{attempt: j.Attempt, generation: j.Generation}
		if claimed {
			now.runner = j.Holder.Runner
		}
		switch {
		case j.final():
			if err := api.call(ctx, http.MethodPost, "/jobs/"+id+"/rejudge", map[string]int{"generation": j.Generation}, nil); err != nil {
				return s, err
			}
			seen, wait = time.Time{}, wait/2
		case !claimed:
			seen = time.Time{}
		case seen.IsZero() || now != s:
			seen, s = time.Now(), now
		case time.Since(seen) >= wait:
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
