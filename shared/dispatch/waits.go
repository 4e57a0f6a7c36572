package dispatch

import (
	"context"
	"math"
	"sync"
	"time"

	"runlease/shared/deployment"
)

// Waits is how long jobs waited for their claims in the last hour.
type Waits struct{ Mean, P99 time.Duration }

// waitsOf returns the Waits of the pools, by the name that metrics have of them. One
// that is not there is not known.
func (d *Dispatcher) waitsOf(ctx context.Context) map[string]Waits {
	if d.LastHour == nil {
		return nil
	}
	var names []string
	for _, pool := range d.Queues.all() {
		names = append(names, d.metered(pool))
	}
	waits, err := d.LastHour(ctx, names)
	if err != nil {
		d.Log.WarnContext(ctx, "waits of the last hour not read", "error", err)
	}
	return waits
}

// WaitsHeard hears as a Meter does how long jobs waited, and tells it of the last hour.
// Its memory is bounded: it counts by minutes, and by waits in steps of a tenth, which
// is how exact its P99 is. The zero value is ready.
type WaitsHeard struct {
	mu    sync.Mutex
	pools map[string]*[60]heardMinute
}

type heardMinute struct {
	at     int64 // minutes since 1970
	jobs   int
	sum    float64 // seconds
	counts [waitSteps]int
}

// Steps begin at 10 ms and end beyond a day.
const (
	waitSteps  = 170
	waitStep   = 1.1
	leastWait  = 0.01
	waitsPools = 64 // more than there can be
)

// Hear notes a measurement at a time.
func (h *WaitsHeard) Hear(m deployment.Metric, pool string, seconds float64, now time.Time) {
	if m != deployment.QueueWait {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	minutes := h.pools[pool]
	if minutes == nil {
		if h.pools == nil || len(h.pools) == waitsPools {
			h.pools = make(map[string]*[60]heardMinute)
		}
		minutes = new([60]heardMinute)
		h.pools[pool] = minutes
	}
	at := now.Unix() / 60
	in := &minutes[at%60]
	if in.at != at {
		*in = heardMinute{at: at}
	}
	in.jobs++
	in.sum += seconds
	step := int(math.Ceil(math.Log(max(seconds, leastWait)/leastWait) / math.Log(waitStep)))
	in.counts[min(step, waitSteps-1)]++
}

// Waits returns what was heard in the hour before a time.
func (h *WaitsHeard) Waits(now time.Time) map[string]Waits {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]Waits)
	for pool, minutes := range h.pools {
		var sum heardMinute
		for i := range minutes {
			if age := now.Unix()/60 - minutes[i].at; age < 0 || age >= 60 {
				continue
			}
			sum.jobs += minutes[i].jobs
			sum.sum += minutes[i].sum
			for step, n := range minutes[i].counts {
				sum.counts[step] += n
			}
		}
		if sum.jobs > 0 {
			all[pool] = Waits{Mean: waited(sum.sum / float64(sum.jobs)), P99: sum.p99()}
		}
	}
	return all
}

// p99 is what 99 of 100 jobs waited at most.
func (m *heardMinute) p99() time.Duration {
	most := (99*m.jobs + 99) / 100
	for step, n := range m.counts {
		if most -= n; most <= 0 {
			return waited(leastWait * math.Pow(waitStep, float64(step)))
		}
	}
	return 0
}

func waited(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
