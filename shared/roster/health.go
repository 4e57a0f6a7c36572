package roster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
)

// The numbers of the health rules.
const (
	// BadInARow quarantine a runner: one may be the job's fault or a restart's, two a
	// coincidence. If one attempt in a hundred of a sound runner ends badly, three in a
	// row happen once in a million.
	BadInARow = 3
	// maxBadEnds are kept of a row. They are spread over its whole time, so that three
	// of them lie apart, however long jobs take.
	maxBadEnds = 6
	// rowKept is after which time a bad end does not count any more. Three leases of
	// 900 s, one after the other, with the waits between them fit in half of it.
	rowKept = 2 * time.Hour
	// JudgeEvery is how often a process reads jobs to judge a runner with bad ends.
	JudgeEvery = 15 * time.Second
)

// probePauses are the waits before the probes of a quarantined runner. The first is as
// long as processes remember a record; at the last one a machine that was mended is
// back within an hour, and a broken one spoils one attempt in that time.
var probePauses = [...]time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute, time.Hour}

// Health is what is known of a runner's bad ends: leases that it lost, and jobs that it
// gave back as infra_error. It is written when an attempt ends badly, and when that has
// consequences; what it does well is written nowhere.
type Health struct {
	LostLeases, InfraErrors int      // since the record began
	Row                     Row      // bad ends since its last result, as far as is known
	Probe                   string   // the job that it is tried with while quarantined; "": none
	Probes                  int      // begun since it was quarantined
	ProbeAt                 job.Time // when the next one may begin
}

// BadEnd is an attempt of a runner that was lost or given back as infra_error.
type BadEnd struct {
	Job       string
	Attempt   int
	ClaimedAt job.Time
	At        job.Time // when it was noted; a lost one may have ended long before
	Lost      bool
}

// How is `lost` or `infra_error`.
func (e BadEnd) How() string {
	if e.Lost {
		return string(job.HowLost)
	}
	return string(job.ReasonInfraError)
}

// Row is bad ends on different jobs by the times of their claims; the zero BadEnd is
// none.
type Row [maxBadEnds]BadEnd

// List lists the bad ends of a row.
func (r Row) List() []BadEnd { return r.since(-1) }

// since lists bad ends after a time, nil if there are none, as usual.
func (r Row) since(t job.Time) (list []BadEnd) {
	for _, e := range r {
		if e.Job != "" && e.At > t {
			list = append(list, e)
		}
	}
	return list
}

// BadEndOf returns how the last attempt of a job ended, if that was badly, and whose
// it was.
func BadEndOf(before, after job.Job) (runner string, e BadEnd, bad bool) {
	n := len(after.Past)
	if n == 0 || before.State != job.Claimed || after.Attempt == before.Attempt && after.State == job.Claimed {
		return "", e, false
	}
	p := after.Past[n-1]
	lost := p.How == job.HowLost
	if !lost && (p.How != job.HowReleased || p.Reason != job.ReasonInfraError) {
		return "", e, false
	}
	return p.Runner, BadEnd{after.ID, p.Attempt, p.ClaimedAt, p.EndedAt, lost}, true
}

// Bad notes a bad end.
func (r Runner) Bad(e BadEnd) Runner {
	if e.Lost {
		r.LostLeases++
	} else {
		r.InfraErrors++
	}
	if r.Probe == e.Job {
		r.Probe = ""
	}
	row := slices.DeleteFunc(r.Row.List(), func(old BadEnd) bool { return old.Job == e.Job || e.At.Sub(old.At) > rowKept })
	row = append(row, e)
	slices.SortStableFunc(row, func(a, b BadEnd) int { return int(a.ClaimedAt - b.ClaimedAt) })
	if len(row) > maxBadEnds { // without the one whose neighbours are closest to each other
		least := 1
		for i := 1; i < len(row)-1; i++ {
			if row[i+1].ClaimedAt-row[i-1].ClaimedAt < row[least+1].ClaimedAt-row[least-1].ClaimedAt {
				least = i
			}
		}
		row = slices.Delete(row, least, least+1)
	}
	r.Row = Row{}
	copy(r.Row[:], row)
	return r
}

// InARow lists the bad ends that count: those since the runner's state was changed.
func (r Runner) InARow() []BadEnd {
	return r.Row.since(r.Since)
}

// firstBad is when the first bad end that counts was noted; 0 if none counts.
func (r Runner) firstBad() (first job.Time) {
	for _, e := range r.InARow() {
		if first == 0 || e.At < first {
			first = e.At
		}
	}
	return first
}

// Suspect reports whether the health rules have something to judge: bad ends of a
// runner that may have jobs, or the probe of a quarantined one.
func (r Runner) Suspect() bool {
	return r.State == Serving && r.firstBad() != 0 || r.State == Quarantined && r.By == "" && r.Probe != ""
}

// Reads lists the jobs that Judge needs.
func (r Runner) Reads() []string {
	switch row := r.InARow(); {
	case r.State == Quarantined && r.Probe != "":
		return []string{r.Probe}
	case r.State == Serving && len(row) >= BadInARow:
		read := make([]string, len(row))
		for i, e := range row {
			read[i] = e.Job
		}
		return read
	}
	return nil
}

// Judge applies the rules to what was read. A result of the runner, the last one known
// is of lastGood, ends its row of bad ends. Three of them quarantine it, if others finished each of the jobs
// and the times from its claims to their results do not meet: in an outage of all they
// meet at its end, as it cannot fail twice while others work. The result of its probe
// lets it back. settled: this process knows the runner long enough to have seen its
// results.
func (r Runner) Judge(jobs map[string]job.Job, lastGood job.Time, settled bool, now job.Time) Runner {
	if r.State == Quarantined {
		return r.judgeProbe(jobs[r.Probe], now)
	}
	row := slices.DeleteFunc(r.InARow(), func(e BadEnd) bool { return e.At <= lastGood })
	if len(row) < len(r.InARow()) {
		r.Row = Row{}
		copy(r.Row[:], row)
	}
	var failed []string
	for last := job.Time(-1); settled && len(failed) < BadInARow; {
		next, until := "", job.Time(0)
		for _, e := range row {
			if at := othersResult(jobs[e.Job], r.Name, e.ClaimedAt); e.ClaimedAt >= last && at != 0 && (until == 0 || at < until) {
				next, until = e.Job, at
			}
		}
		if next == "" {
			break
		}
		failed, last = append(failed, next), until
	}
	if len(failed) < BadInARow {
		return r
	}
	r.State, r.Since, r.By = Quarantined, now, ""
	r.Why = "attempts ended badly in a row at jobs that others finished: " + strings.Join(failed, ", ")
	r.Probe, r.Probes, r.ProbeAt = "", 0, now.Add(probePauses[0])
	return r
}

// judgeProbe lets the runner back if it has finished its probe.
func (r Runner) judgeProbe(probe job.Job, now job.Time) Runner {
	switch at := resultOf(probe, func(p job.Past) bool { return p.Runner == r.Name && p.EndedAt > r.Since }); {
	case at != 0:
		r.State, r.Since, r.By, r.Why = Serving, now, "", "it finished its probe "+r.Probe
		r.Row, r.Probe, r.Probes, r.ProbeAt = Row{}, "", 0, 0
	case probe.HeldBy(r.Name, "") != job.OK:
		r.Probe = ""
	}
	return r
}

// MayProbe reports whether a quarantined runner may have one job. A runner that an
// operator has quarantined may not: a person releases it.
func (r Runner) MayProbe(now job.Time) bool {
	return r.State == Quarantined && r.By == "" && r.Probe == "" && r.ProbeAt != 0 && now >= r.ProbeAt
}

// Probing notes the job that the runner got as its probe.
func (r Runner) Probing(id string, now job.Time) Runner {
	r.Probe, r.Probes = id, r.Probes+1
	r.ProbeAt = now.Add(probePauses[min(r.Probes, len(probePauses)-1)])
	return r
}

// othersResult is when another runner finished a job after a time; 0 if none did.
func othersResult(j job.Job, runner string, after job.Time) job.Time {
	return resultOf(j, func(p job.Past) bool { return p.Runner != runner && p.EndedAt > after })
}

func resultOf(j job.Job, fits func(job.Past) bool) job.Time {
	for _, p := range j.Past {
		if p.How == job.HowCompleted && fits(p) {
			return p.EndedAt
		}
	}
	return 0
}

// Text is how a row is stored: five words for each bad end.
func (r Row) Text() string {
	var words []string
	for _, e := range r.List() {
		words = append(words, fmt.Sprintf("%s %d %d %d %s", e.Job, e.Attempt, e.ClaimedAt, e.At, e.How()))
	}
	return strings.Join(words, " ")
}

// RowOf reads what Text wrote. What it cannot read, a later version's, is left out.
func RowOf(text string) (r Row) {
	words := strings.Fields(text)
	for i := 0; i < maxBadEnds && len(words) >= 5; i, words = i+1, words[5:] {
		attempt, _ := strconv.Atoi(words[1])
		claimed, _ := strconv.ParseInt(words[2], 10, 64)
		at, _ := strconv.ParseInt(words[3], 10, 64)
		r[i] = BadEnd{words[0], attempt, job.Time(claimed), job.Time(at), words[4] == "lost"}
	}
	return r
}
