package fleet

import (
	"fmt"
	"time"

	"runlease/shared/bill"
	"runlease/shared/job"
	"runlease/shared/testkit/figure"
)

const (
	seeds   = 2
	jobTime = 8 * time.Second
	tenth   = 0.1
)

// capacity is how many jobs a second runners can do.
func capacity(flow bill.Flow, runners int) float64 {
	perSecond := float64(runners) / jobTime.Seconds()
	if flow == bill.Compat {
		perSecond *= compatHolds
	}
	return perSecond
}

// RaceFigures is how many conditional writes a claim takes, with a fleet that is
// mostly idle, and with a fleet so busy that many ask for the few jobs there
// are; the largest of both flows.
func RaceFigures() ([]figure.Figure, error) {
	var figures []figure.Figure
	for _, fleet := range []struct {
		runners int
		time    time.Duration
		budget  float64
	}{{100, 4 * time.Minute, 1.10}, {1_000, time.Minute, 1.5}} {
		worst := 0.0
		for _, flow := range []bill.Flow{bill.Sync, bill.Compat} {
			for _, load := range []float64{0.2, 0.95} {
				o, err := Run(Scene{
					Seed: 1, Flow: flow, Runners: fleet.runners, Job: jobTime, For: fleet.time,
					Streams: []Stream{{Name: "all", PerSecond: load * capacity(flow, fleet.runners), Groups: 50}},
				})
				if err != nil {
					return nil, err
				}
				worst = max(worst, o.WritesPerClaim())
			}
		}
		figures = append(figures, figure.AtMost(fmt.Sprintf("claim_writes_%d_runners", fleet.runners), worst, "conditional writes per claim", fleet.budget).Rounded(4))
	}
	return figures, nil
}

// Neighbours is how long the jobs of others wait, 99 of 100 of them at most:
// alone, and beside a group that sends nearly twice as many jobs as the fleet can
// do. The others send this share of what it can do: with a tenth, 19 of 20
// jobs are the noisy group's.
func Neighbours(flow bill.Flow, runners int, send float64, unfair bool) (alone, beside time.Duration, err error) {
	others := Stream{Name: "others", PerSecond: send * capacity(flow, runners), Groups: 20}
	noisy := Stream{Name: "noisy", PerSecond: 1.9 * capacity(flow, runners)}
	s := Scene{
		Flow: flow, Runners: runners, Job: jobTime, Settle: 2 * time.Minute, Unfair: unfair,
		// For about 1,000 jobs of others, and not beyond ten minutes of them.
		For: 2*time.Minute + min(10*time.Minute, time.Duration(1_000/others.PerSecond*float64(time.Second))),
	}
	if runners < 50 { // few jobs a second: longer
		s.For = time.Hour
	}
	alone, err = meanP99(s, "others", others)
	if err != nil {
		return 0, 0, err
	}
	beside, err = meanP99(s, "others", others, noisy)
	return alone, beside, err
}

// Rejudge is how long new jobs wait, alone and while ten thousand jobs of the
// same users are judged again.
func Rejudge(flow bill.Flow, runners int, change func(*Scene)) (alone, beside time.Duration, err error) {
	perSecond := capacity(flow, runners)
	live := Stream{Name: "live", PerSecond: 0.1 * perSecond, Groups: 200}
	// The backend asks for a hundred rejudges a second.
	again := Stream{Name: "rejudged", PerSecond: 100, Rejudged: 10_000, Groups: 200}
	s := Scene{Flow: flow, Runners: runners, Job: jobTime, For: time.Duration(10_000 / perSecond * float64(time.Second))}
	if change != nil {
		change(&s)
	}
	alone, err = meanP99(s, "live", live)
	if err != nil {
		return 0, 0, err
	}
	beside, err = meanP99(s, "live", live, again)
	return alone, beside, err
}

// meanP99 is the mean of some runs.
func meanP99(s Scene, of string, streams ...Stream) (time.Duration, error) {
	var sum time.Duration
	for seed := range uint64(seeds) {
		s.Seed, s.Streams = seed+1, streams
		o, err := Run(s)
		if err != nil {
			return 0, err
		}
		sum += o.P99(of)
	}
	return sum / seeds, nil
}

// Languages is a fleet of which some judge Java too, with a tenth of its jobs in
// Java: how long nine of ten of the others wait at most, and of those in Java.
func Languages(flow bill.Flow, runners, speakers int, load float64) (others, inJava time.Duration, out Outcome, err error) {
	out, err = Run(languageScene(flow, runners, speakers, load, java))
	return out.quantile("others", 9, 10), out.quantile("java", 9, 10), out, err
}

func languageScene(flow bill.Flow, runners, speakers int, load float64, tenth job.Language) Scene {
	perSecond := load * capacity(flow, runners)
	return Scene{
		Seed: 1, Flow: flow, Runners: runners, Speakers: speakers, Told: true, Job: jobTime, Settle: 2 * time.Minute,
		For: 2*time.Minute + time.Duration(3_000/perSecond*float64(time.Second)),
		Streams: []Stream{
			{Name: "others", PerSecond: 0.9 * perSecond, Groups: 50}, {Name: "java", PerSecond: 0.1 * perSecond, Groups: 50, Language: tenth},
		},
	}
}

// LanguageFigures is how much longer jobs wait in a language that a third of the
// runners judge, and what it costs a fleet that all judge everything.
func LanguageFigures() ([]figure.Figure, error) {
	const twice = 2
	var figures []figure.Figure
	for _, flow := range []struct {
		bill.Flow
		suffix string
	}{{bill.Sync, ""}, {bill.Compat, "_compat"}} {
		worst, extra := 0.0, 0.0
		for _, load := range []float64{0.1, 0.8} {
			others, inJava, _, err := Languages(flow.Flow, 30, 10, load)
			if err != nil {
				return nil, err
			}
			worst = max(worst, float64(inJava)/float64(others))
			_, _, all, err := Languages(flow.Flow, 30, 30, load)
			if err != nil {
				return nil, err
			}
			plain, err := Run(languageScene(flow.Flow, 30, 0, load, job.CPP))
			if err != nil {
				return nil, err
			}
			extra = max(extra, float64(all.Calls)/float64(all.Finished)-float64(plain.Calls)/float64(plain.Finished))
		}
		figures = append(figures,
			figure.AtMost("language_of_a_third_p90_ratio"+flow.suffix, worst, "times what other jobs wait", twice).Rounded(2),
			figure.AtMost("language_of_all_extra_calls"+flow.suffix, extra, "calls per job beyond those of a fleet without languages", 0).Rounded(4))
	}
	return figures, nil
}

// FairnessFigures is how long the jobs of quiet groups wait beside a noisy one,
// as a multiple of what they wait alone.
func FairnessFigures() ([]figure.Figure, error) {
	var figures []figure.Figure
	const twice, unit = 2, "times the p99 wait alone"
	for _, flow := range []struct {
		bill.Flow
		suffix string
	}{{bill.Sync, ""}, {bill.Compat, "_compat"}} {
		worst, longest := 0.0, time.Duration(0)
		for _, runners := range []int{10, 100} {
			alone, beside, err := Neighbours(flow.Flow, runners, tenth, false)
			if err != nil {
				return nil, err
			}
			worst, longest = max(worst, float64(beside)/float64(alone)), max(longest, beside)
		}
		alone, beside, err := Rejudge(flow.Flow, 100, nil)
		if err != nil {
			return nil, err
		}
		figures = append(figures,
			figure.AtMost("fairness_p99_ratio"+flow.suffix, worst, unit, twice),
			figure.Stated("fairness_p99_seconds"+flow.suffix, longest.Seconds(), "s"),
			figure.AtMost("rejudge_live_p99_ratio"+flow.suffix, float64(beside)/float64(alone), unit, twice))
	}
	// Much of quiet groups beside the noisy one: they must not wait longer than if
	// a list showed all jobs.
	const half, withFullLists = 0.5, 7.2
	_, beside, err := Neighbours(bill.Compat, 100, half, false)
	if err != nil {
		return nil, err
	}
	figures = append(figures, figure.AtMost("fairness_p99_seconds_compat_half", beside.Seconds(), "s, if others send half of what the fleet can do", withFullLists))
	_, beside, err = Rejudge(bill.Sync, 100, func(s *Scene) { s.Forgets = true })
	if err != nil {
		return nil, err
	}
	figures = append(figures, figure.Stated("rejudge_live_p99_seconds_if_forgotten", beside.Seconds(), "s, if fair queues forget a group that sends nothing for 5 minutes"))
	for i := range figures {
		figures[i] = figures[i].Rounded(2)
	}
	return figures, nil
}
