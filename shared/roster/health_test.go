package roster

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/job"
)

// failing is the record of a runner that claimed jobs a, b, ... at seconds and gave
// them back a second later, and those jobs, finished by others at seconds.
func failing(claims, results []int) (Runner, map[string]job.Job) {
	r, jobs := Runner{Name: "r", State: Serving, LastHeard: 1}, map[string]job.Job{}
	for i, second := range claims {
		id := string(rune('a' + i))
		at := job.Time(second * 1000)
		r = r.Bad(BadEnd{Job: id, Attempt: 1, ClaimedAt: at, At: at + 1000})
		jobs[id] = job.Job{ID: id, Past: []job.Past{
			{Runner: "r", EndedAt: at + 1000, How: job.HowReleased, Reason: job.ReasonInfraError},
			{Runner: "s", EndedAt: job.Time(results[i] * 1000), How: job.HowCompleted},
		}}
		if results[i] == 0 {
			jobs[id] = job.Job{ID: id, Result: &job.Result{Status: job.StatusJE}} // poison, or open
		}
	}
	return r, jobs
}

func TestJudge(t *testing.T) {
	for name, tc := range map[string]struct {
		claims, results []int
		lastGood        int
		young           bool
		change          func(r *Runner, jobs map[string]job.Job)
		quarantined     bool
	}{
		"three, one after the other":           {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, quarantined: true},
		"of a process that knows it too short": {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, young: true},
		"two":                                  {claims: []int{10, 20}, results: []int{15, 25}},
		"a result since":                       {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, lastGood: 32},
		"a result between":                     {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, lastGood: 22},
		"an outage, over at 50":                {claims: []int{10, 20, 30, 40}, results: []int{50, 51, 52, 53}},
		"two outages":                          {claims: []int{10, 20, 60, 70}, results: []int{50, 51, 90, 91}},
		"nobody finishes one of three":         {claims: []int{10, 20, 30}, results: []int{15, 0, 35}},
		"nobody finishes one of four":          {claims: []int{10, 20, 30, 40}, results: []int{15, 0, 35, 45}, quarantined: true},
		"a long one and short ones":            {claims: []int{10, 12, 20, 30}, results: []int{100, 15, 25, 35}, quarantined: true},
		"before an operator let it back": {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, change: func(r *Runner, _ map[string]job.Job) {
			r.Since = 31e3
		}},
		"it finished them itself": {claims: []int{10, 20, 30}, results: []int{15, 25, 35}, change: func(_ *Runner, jobs map[string]job.Job) {
			for id := range jobs {
				jobs[id].Past[1].Runner = "r"
			}
		}},
		"they were finished before, and are rejudged": {claims: []int{10, 20, 30}, results: []int{9, 19, 29}},
	} {
		r, jobs := failing(tc.claims, tc.results)
		if tc.change != nil {
			tc.change(&r, jobs)
		}
		got := r.Judge(jobs, job.Time(1000*tc.lastGood), !tc.young, 100e3)
		if (got.State == Quarantined) != tc.quarantined || got.MayProbe(100e3+60e3-1) || got.MayProbe(100e3+60e3) != tc.quarantined {
			t.Errorf("%s: %+v", name, got)
		}
		if tc.lastGood > 30 && got.Row != (Row{}) {
			t.Errorf("%s: its row goes on", name)
		}
	}
}

// TestBadEndOf: the claim that follows a lost one notes it, and no write after it does so again.
func TestBadEndOf(t *testing.T) {
	was := job.Job{ID: "j", State: job.Claimed, Attempt: 1}
	now := job.Job{ID: "j", State: job.Claimed, Attempt: 2, Past: []job.Past{{Runner: "a", Attempt: 1, How: job.HowLost}}}
	if runner, e, bad := BadEndOf(was, now); !bad || runner != "a" || e.Attempt != 1 || !e.Lost {
		t.Errorf("the next claim: %q, %+v, %v", runner, e, bad)
	}
	if _, e, bad := BadEndOf(now, now); bad {
		t.Errorf("a heartbeat: %+v", e)
	}
}

// TestARowIsSpread: of hundreds of bad ends those are kept from which the rule can tell.
func TestARowIsSpread(t *testing.T) {
	for _, length := range []int{1, 60, 1200} { // of a job, in seconds
		var r Runner
		r.State = Serving
		jobs := map[string]job.Job{}
		for second := 0; second < 7000; second++ {
			id, at := fmt.Sprint("j", second), job.Time(1+second*1000)
			r = r.Bad(BadEnd{Job: id, Attempt: 1, ClaimedAt: at, At: at, Lost: true})
			jobs[id] = job.Job{Past: []job.Past{{Runner: "s", How: job.HowCompleted, EndedAt: at.Add(time.Duration(length) * time.Second)}}}
			if r.Judge(jobs, 0, true, at).State == Quarantined {
				break
			}
		}
		if got := r.Judge(jobs, 0, true, 1e9); got.State != Quarantined || got.LostLeases > 10*length+10 {
			t.Errorf("jobs of %d s: %s after %d", length, got.State, got.LostLeases)
		}
	}
}

func TestBadEndsAreForgotten(t *testing.T) {
	r, _ := failing([]int{10, 20}, []int{15, 25})
	r = r.Bad(BadEnd{Job: "z", ClaimedAt: 1e9, At: 1e9}).Bad(BadEnd{Job: "z", ClaimedAt: 1e9 + 1, At: 1e9 + 1})
	if row := r.Row.List(); len(row) != 1 || row[0].ClaimedAt != 1e9+1 || r.InfraErrors != 4 {
		t.Errorf("%d errors, row %+v", r.InfraErrors, row)
	}
}

func TestProbes(t *testing.T) {
	r, jobs := failing([]int{10, 20, 30}, []int{15, 25, 35})
	r = r.Judge(jobs, 0, true, 0)
	r.Since = 0
	for n, pause := range []time.Duration{4 * time.Minute, 16 * time.Minute, time.Hour, time.Hour} {
		if r = r.Probing("p", 1000); r.ProbeAt != job.Time(1000).Add(pause) || r.MayProbe(1e9) {
			t.Errorf("probe %d: the next at %d", n, r.ProbeAt)
		}
		if held := r.Judge(map[string]job.Job{"p": claimed("p", "r", 1)}, 0, true, 2000); held != r {
			t.Errorf("while it runs: %+v", held)
		}
		if n%2 == 0 {
			r = r.Bad(BadEnd{Job: "p"})
		} else if r = r.Judge(map[string]job.Job{"p": {}}, 0, true, 2000); r.State != Quarantined { // drained
			t.Errorf("drained: %+v", r)
		}
		if r.Probe != "" {
			t.Errorf("probe %d goes on", n)
		}
	}
	byHand := r
	if byHand.By = "ops"; byHand.MayProbe(1e9) || byHand.Probing("p", 1).Suspect() {
		t.Error("an operator's quarantine ends by itself")
	}
	for _, p := range []job.Past{{Runner: "s", How: job.HowCompleted, EndedAt: 1}, {Runner: "r", How: job.HowCompleted}} {
		if got := r.Probing("p", 1000).Judge(map[string]job.Job{"p": {Past: []job.Past{p}}}, 0, true, 2000); got.State != Quarantined {
			t.Errorf("%+v lets it back", p)
		}
	}
	r = r.Probing("p", 1000)
	got := r.Judge(map[string]job.Job{"p": {Past: []job.Past{{Runner: "r", How: job.HowCompleted, EndedAt: 1}}}}, 0, true, 2000)
	if got.State != Serving || got.Since != 2000 || got.Row != (Row{}) || got.Probe != "" || got.Probes != 0 {
		t.Errorf("finished: %+v", got)
	}
}
