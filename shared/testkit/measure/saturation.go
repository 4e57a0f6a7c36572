package measure

import (
	"strings"
	"time"

	"runlease/shared/bill"
	"runlease/shared/testkit/meter"
)

// Saturated is what jobs cost while there is always another one: the sums over
// all of them, the first poll and the last result included.
type Saturated struct {
	Jobs                  int
	Create, Work, Verdict bill.Request
}

// jobTime is what a job takes its runner; a heartbeat is due after a minute.
const jobTime = 8 * time.Second

// SaturateSync lets a runner with a number of slots do jobs by sync: each call
// brings the results of the last jobs and takes the next ones.
func SaturateSync(t T, jobs, slots int) Saturated {
	w := newWorld(t)
	w.publish()
	// One job, so that the functions know the problem.
	w.create(id(0))
	w.synced(0, w.synced(1)...)
	w.do("get-job", 200, "/jobs/"+id(0), "")

	s := sums{}
	var done []held
	for n := 1; n <= jobs || len(done) > 0; {
		want := min(slots, jobs-n+1)
		for range want {
			w.create(id(n))
			s.add(&s.create, w.cleared)
			n++
		}
		claimed := w.synced(want, done...)
		s.add(&s.work, w.cleared)
		if len(claimed) != want {
			t.Fatalf("%d jobs claimed, want %d", len(claimed), want)
		}
		for _, d := range done {
			if got := w.do("get-job", 200, "/jobs/"+d.job, "")["state"]; got != "finished" {
				t.Fatalf("job %s is %v", d.job, got)
			}
			s.add(&s.verdict, w.cleared)
		}
		done = claimed
		w.pass(jobTime)
	}
	return s.of(t, w, jobs)
}

// SaturateCompat lets a runner do jobs one after another by the compat routes,
// with one heartbeat each.
func SaturateCompat(t T, jobs int) Saturated {
	w := newWorld(t)
	w.publish()
	w.create(id(0))
	w.do("list-jobs", 200, "/runner/jobs", "")
	token := w.claim(id(0))
	w.do("get-testdata", 302, "/runner/jobs/"+id(0)+"/testdata", "")
	w.complete(id(0), token, "42")
	w.pass(time.Minute)
	w.do("list-jobs", 200, "/runner/jobs", "")

	s := sums{}
	for n := 1; n <= jobs; n++ {
		job := id(n)
		w.create(job)
		s.add(&s.create, w.cleared)
		work := func() { s.add(&s.work, w.cleared) }
		listed := w.do("list-jobs", 200, "/runner/jobs", "")["jobs"].([]any)
		work()
		if len(listed) != 1 {
			t.Fatalf("%d jobs listed, want 1", len(listed))
		}
		token := w.claim(job)
		work()
		w.do("get-code", 200, "/runner/jobs/"+job+"/code", "")
		work()
		w.do("get-testdata", 302, "/runner/jobs/"+job+"/testdata", "")
		work()
		w.pass(time.Minute)
		w.do("heartbeat", 200, "/runner/heartbeat", `{"submissionId":"`+job+`"}`)
		work()
		w.complete(job, token, "42")
		work()
		w.do("get-job", 200, "/jobs/"+job, "")
		s.add(&s.verdict, w.cleared)
	}
	w.pass(jobTime)
	// The last one's message, which the next job's list would bring.
	w.do("list-jobs", 200, "/runner/jobs", "")
	return s.of(t, w, jobs)
}

// sums collects requests by what they are for.
type sums struct{ create, work, verdict requestsOf }

type requestsOf struct {
	requests int
	calls    []meter.Call
}

func (*sums) add(part *requestsOf, calls []meter.Call) {
	part.requests++
	part.calls = append(part.calls, calls...)
}

func (s *sums) of(t T, w *world, jobs int) Saturated {
	if left := w.backend.Messages(queueURL); left != 0 {
		t.Fatalf("%d messages left", left)
	}
	return Saturated{
		Jobs:    jobs,
		Create:  meter.Sum("create", s.create.requests, s.create.calls),
		Work:    meter.Sum("work", s.work.requests, s.work.calls),
		Verdict: meter.Sum("verdict", s.verdict.requests, s.verdict.calls),
	}
}

// PerJob is a count of the runner's requests and the create, for one job.
func (s Saturated) PerJob(count func(bill.Request) float64) float64 {
	return (count(s.Create) + count(s.Work)) / float64(s.Jobs)
}

// Count counts requests to AWS whose name starts with a prefix.
func Count(r bill.Request, prefix string) int {
	n := 0
	for name, count := range r.AWS {
		if strings.HasPrefix(name, prefix) {
			n += count
		}
	}
	return n
}
