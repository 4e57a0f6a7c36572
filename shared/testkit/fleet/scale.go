package fleet

import (
	"context"
	"fmt"
	"time"

	"runlease/shared/bill"
	"runlease/shared/testkit/figure"
)

// Scaling is a group of instances of one slot each, whose size follows what the API
// says is wanted.
type Scaling struct {
	Least, Most int
	Target      time.Duration // wait, that the API is asked for
	Boot        time.Duration // of an instance, until its runner asks for jobs
	// Quiet is how long fewer are wanted before the group ends any.
	Quiet time.Duration
	// Spot is how often an instance is interrupted, per hour; two minutes before, it hears.
	Spot float64
	// Cut ends instances without a word to their runners.
	Cut bool
}

// lookEvery is how often the group looks, and noticeEvery how often a runner asks
// whether its instance is about to go.
const (
	lookEvery   = time.Minute
	noticeEvery = 5 * time.Second
	spotNotice  = 2 * time.Minute
)

// instance is a machine of the group.
type instance struct {
	*hearing // nil: it boots
	name     string
	since    time.Time
	leaving  bool // its runner takes no more
	cut      bool // it is gone
}

// group is the instances that there are.
type group struct {
	*run
	instances []*instance
	launched  int
	want      int // at most, since fewer were wanted
	fewer     time.Time
}

// scale is the group's life.
func (g *group) scale(ctx context.Context) {
	for range g.Scaling.Least {
		g.launch(ctx, 0)
	}
	for {
		g.clock.sleep(lookEvery)
		d, _, err := g.dispatch.Demand(ctx, "default", g.Scaling.Target)
		g.note(err)
		want := max(g.Scaling.Least, min(d.Wanted, g.Scaling.Most))
		var stay []*instance
		for _, i := range g.instances {
			if !i.leaving {
				stay = append(stay, i)
			}
		}
		if want >= len(stay) {
			g.fewer, g.want = time.Time{}, 0
			for range want - len(stay) {
				g.launch(ctx, g.Scaling.Boot)
			}
			continue
		}
		if g.fewer.IsZero() {
			g.fewer = g.clock.now
		}
		if g.want = max(g.want, want); g.clock.now.Sub(g.fewer) >= g.Scaling.Quiet {
			// Any of them, as a group does that knows nothing of jobs.
			g.random.Shuffle(len(stay), func(i, k int) { stay[i], stay[k] = stay[k], stay[i] })
			for _, i := range stay[:max(0, len(stay)-g.want)] {
				g.end(i)
			}
			g.fewer, g.want = time.Time{}, 0
		}
	}
}

func (g *group) launch(ctx context.Context, boot time.Duration) {
	g.launched++
	i := &instance{name: fmt.Sprintf("i-%05d", g.launched), since: g.clock.now}
	g.instances = append(g.instances, i)
	g.out.AtOnce = max(g.out.AtOnce, len(g.instances))
	if g.Scaling.Spot > 0 {
		g.clock.spawn(time.Duration(g.random.ExpFloat64()/g.Scaling.Spot*float64(time.Hour)), func() { g.interrupt(i) })
	}
	g.clock.spawn(boot, func() { // what boots when it is to go, has nothing to finish
		if i.cut {
			return
		}
		if !i.leaving {
			g.note(g.hear(ctx, i.name, i))
		}
		g.gone(i)
	})
}

// end tells an instance that it is terminated; its group waits for it.
func (g *group) end(i *instance) {
	if g.Scaling.Cut {
		i.cut, i.leaving = true, true
		g.gone(i)
		return
	}
	g.clock.spawn(time.Duration(g.random.Int64N(int64(noticeEvery))), func() {
		if i.leaving = true; i.hearing != nil {
			i.asks()
		}
	})
}

// interrupt takes an instance away two minutes after the notice.
func (g *group) interrupt(i *instance) {
	g.out.Interrupted++
	g.end(i)
	g.clock.sleep(spotNotice)
	if g.gone(i) {
		i.cut = true
	}
}

// gone ends an instance and its bill; false if it has gone before.
func (g *group) gone(i *instance) bool {
	for k, other := range g.instances {
		if other == i {
			g.instances = append(g.instances[:k], g.instances[k+1:]...)
			g.out.Machines += g.clock.now.Sub(i.since)
			g.out.Ended++
			return true
		}
	}
	return false
}

// contest is how many jobs a second there are at a time of a contest's day: hardly
// any, a rush in its first quarter of an hour, a lull, and another rush before its end.
func contest(at time.Duration) float64 {
	start, end := 2*time.Hour, 7*time.Hour
	switch since := at - start; {
	case at < start || at > end:
		return 0.01
	case since < 15*time.Minute:
		return 3 * since.Minutes() / 15
	case end-at < 30*time.Minute:
		return 2.5
	default:
		return 0.8
	}
}

// The price of one slot: half of a c7g.large, on demand in us-east-1, as known to the
// authors; check it before you rely on it.
const slotHour = 0.0725 / 2

// peak is how many slots a fleet of a fixed size has for the contest: its rush keeps
// four of five busy.
const peak = 30

// Contest is a day of a contest, with a fleet of a fixed size (nil), or a fleet that scales.
func Contest(seed uint64, s *Scaling) (Outcome, error) {
	scene := Scene{
		Seed: seed, Flow: bill.Sync, Job: jobTime, For: 12 * time.Hour, Told: true, Sweeps: true, Doorbell: true,
		Streams: []Stream{{Name: jobs, Curve: contest, Groups: 300}}, Scaling: s,
	}
	if s == nil {
		scene.Runners = peak
	}
	o, err := Run(scene)
	if s == nil {
		o.Machines, o.AtOnce = peak*scene.For, peak
	}
	return o, err
}

// Scaled is the group that the figures are of.
func Scaled() *Scaling {
	return &Scaling{Least: 1, Most: peak, Target: 30 * time.Second, Boot: 90 * time.Second, Quiet: 5 * time.Minute, Spot: 0.05}
}

// ScaleFigures compares a fleet that comes and goes with one of a fixed size, over a
// day of a contest.
func ScaleFigures() ([]figure.Figure, error) {
	fixed, err := Contest(1, nil)
	if err != nil {
		return nil, err
	}
	scaled, err := Contest(1, Scaled())
	if err != nil {
		return nil, err
	}
	p95 := func(o Outcome) float64 { return o.quantile(jobs, 95, 100).Seconds() }
	dollars := func(o Outcome) float64 { return o.Machines.Hours() * slotHour }
	figures := []figure.Figure{
		figure.AtMost("scaled_jobs_not_done", float64(scaled.Created-scaled.Finished), "jobs", 0),
		figure.AtMost("scaled_jobs_cut", float64(scaled.LostLeases), "attempts", 0),
		figure.Stated("scaled_instances_ended", float64(scaled.Ended), "instances"),
		figure.Stated("scaled_instances_interrupted", float64(scaled.Interrupted), "instances"),
		figure.Stated("fixed_p95_wait", p95(fixed), "seconds"),
		figure.AtMost("scaled_p95_wait", p95(scaled), "seconds", 60),
		figure.Stated("fixed_dollars", dollars(fixed), "dollars a contest's day"),
		figure.AtMost("scaled_dollars", dollars(scaled), "dollars a contest's day", dollars(fixed)/2),
	}
	for i := range figures {
		figures[i] = figures[i].Rounded(2)
	}
	return figures, nil
}
