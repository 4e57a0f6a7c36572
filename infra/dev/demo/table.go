package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// row is a submission, the verdict it must get, and the one it got.
type row struct {
	submission
	job   job
	twice bool // claimed again after the runner that had it was killed
}

// asExpected reports whether the verdict is the declared one.
func (r row) asExpected() bool {
	return r.job.State == "finished" && statusName(r.job.Status) == r.Status && r.job.Score == r.Score
}

// runner is who made the last attempt.
func (r row) runner() string {
	if n := len(r.job.Attempts); n > 0 {
		return r.job.Attempts[n-1].Runner
	}
	return "-"
}

// compare puts the jobs beside what the table declares, in its order.
func compare(d dataset, jobs map[string]job, run string, killed strike) []row {
	rows := make([]row, len(d.Submissions))
	for i, s := range d.Submissions {
		r := row{submission: s, job: jobs[jobID(run, s.Name)]}
		// It counts only if the killed runner lost it and another one ended it.
		had := false
		for _, a := range r.job.Attempts {
			had = had || a.Runner == killed.runner && a.How == "lost"
		}
		r.twice = had && len(r.job.Attempts) > 1 && r.runner() != killed.runner
		rows[i] = r
	}
	return rows
}

// printTable prints a line per submission, and below each that is not as
// expected what became of its attempts.
func printTable(out io.Writer, rows []row, run string) {
	short := func(name string) string { return strings.TrimPrefix(name, run+"-") }
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "submission\texpected\tverdict\tscore\ttime ms\tmemory KB\tattempts\trunner\t")
	for _, r := range rows {
		mark := ""
		if !r.asExpected() {
			mark = "<- differs"
		}
		verdict := statusName(r.job.Status)
		if r.job.State != "finished" {
			verdict = r.job.State
		}
		fmt.Fprintf(w, "%s\t%s %d\t%s\t%d\t%s\t%s\t%d\t%s\t%s\n", r.Name, r.Status, r.Score, verdict, r.job.Score,
			known(r.job.RunTime), known(r.job.MemoryUsage), len(r.job.Attempts), short(r.runner()), mark)
	}
	w.Flush()
	for _, r := range rows {
		if r.asExpected() {
			continue
		}
		for _, a := range r.job.Attempts {
			fmt.Fprintf(out, "%s: attempt %d by %s: %s %s\n", r.Name, a.Attempt, short(a.Runner), a.How, a.Reason)
		}
	}
}

// known hides the wire's -1.
func known(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// summary is the last line.
func summary(rows []row, took time.Duration) string {
	right, twice := 0, 0
	for _, r := range rows {
		if r.asExpected() {
			right++
		}
		if r.twice {
			twice++
		}
	}
	jobs, whose := "jobs", "their"
	if twice == 1 {
		jobs, whose = "job", "its"
	}
	return fmt.Sprintf("%d of %d as expected, %d %s judged twice after %s runner was killed, %.1f s",
		right, len(rows), twice, jobs, whose, took.Seconds())
}

// verdict is an error if any submission is not as expected, or if the one whose
// runner was killed has not been judged again by another.
func verdict(rows []row, killed string) error {
	differ := 0
	var errs []error
	for _, r := range rows {
		if !r.asExpected() {
			differ++
		}
		if r.Name == killed && !r.twice {
			errs = append(errs, fmt.Errorf("%s was not judged again after its runner was killed", killed))
		}
	}
	if differ > 0 {
		errs = append(errs, fmt.Errorf("%d submissions are not as expected", differ))
	}
	return errors.Join(errs...)
}
