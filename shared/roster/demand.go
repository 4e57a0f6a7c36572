package roster

import (
	"math"
	"time"
)

// Demand is how many jobs a pool has to do, and what its fleet has for them.
type Demand struct {
	Waiting, Running int
	MeanRun          time.Duration // of the jobs that ended recently; 0: not known
}

const (
	// TargetWait is the target if the caller gives none.
	TargetWait = 30 * time.Second
	// usualRun stands for the run time until a job has ended.
	usualRun = 10 * time.Second
)

// Wanted returns how many slots a fleet needs so that what waits now begins within
// the target.
//
// By Little's law the jobs that run are the rate at which they come times their mean
// run time: that number of slots keeps up with what comes, and is busy already. What waits
// comes on top: n slots end n/run jobs a second, so the last of the waiting jobs
// begins within the target if n is at least waiting * run / target. A job uses one
// slot, so there is never more to do than waiting slots can do.
func (d Demand) Wanted(target time.Duration) int {
	run := d.MeanRun
	if run <= 0 {
		run = usualRun
	}
	more := math.Ceil(float64(d.Waiting) * run.Seconds() / max(target, time.Second).Seconds())
	return d.Running + int(min(more, float64(d.Waiting)))
}
