package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/testkit/figure"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/zips"
)

// aZip is every job's code.
var aZip = zips.Inline("")

// The goals of the embedded server, and how it is loaded.
const (
	jobsGoal  = 2_000 // jobs a second, created, claimed and completed by sync with one slot
	p99Goal   = 20.0  // ms of a request, at half of that
	workers   = 16
	loadFor   = 5 * time.Second
	loadTimes = 3 // of which the best counts
	turns     = 7 // of two versions
)

// embedded starts the server as a separate process and loads it from this
// one: both share the machine.
func embedded(ctx context.Context) ([]figure.Figure, error) {
	s, err := new(server).serve(ctx)
	if err != nil {
		return nil, err
	}
	defer s.end()
	var figures []figure.Figure
	if before != "" {
		if figures, err = s.inTurns(ctx); err != nil {
			return nil, err
		}
	}
	jobsPerSecond, p99, err := s.best(ctx, workers, jobsGoal/2)
	if err != nil {
		return nil, err
	}
	return append(figures,
		figure.AtLeast("embedded_jobs_per_second", jobsPerSecond, jobsUnit, jobsGoal).Rounded(0),
		figure.AtMost("embedded_p99_ms", p99, "ms of a request, at 1,000 jobs/s", p99Goal).Rounded(2),
	), nil
}

const jobsUnit = "jobs/s over loopback, load generator included"

// before is the binary of an earlier version, "" if it is not to be measured.
var before string

// inTurns loads this server and one of an earlier version in turns, and returns the
// median of each.
func (s *server) inTurns(ctx context.Context) ([]figure.Figure, error) {
	folder, err := os.MkdirTemp("", "runlease-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	earlier, err := new(server).start(ctx, folder, before, nil)
	if err != nil {
		return nil, fmt.Errorf("-before: %w", err)
	}
	defer earlier.end()
	type version struct {
		*server
		rates *[]float64
	}
	var now, then []float64
	both := []version{{earlier, &then}, {s, &now}}
	for range turns {
		slices.Reverse(both) // the second of a turn pays for what the first one leaves to collect
		for _, v := range both {
			l, err := v.load(ctx, workers, 0)
			if err != nil {
				return nil, err
			}
			*v.rates = append(*v.rates, l.jobsPerSecond)
		}
	}
	slices.Sort(now)
	slices.Sort(then)
	return []figure.Figure{
		figure.Stated("embedded_jobs_per_second_in_turns", now[turns/2], jobsUnit).Rounded(0),
		figure.Stated("embedded_jobs_per_second_in_turns_before", then[turns/2], jobsUnit).Rounded(0),
	}, nil
}

// best loads the server several times: as fast as it goes, and at a pace.
func (s *server) best(ctx context.Context, workers, perSecond int) (jobsPerSecond, p99 float64, err error) {
	for i := range loadTimes {
		best, err := s.load(ctx, workers, 0)
		if err != nil {
			return 0, 0, err
		}
		paced, err := s.load(ctx, workers, perSecond)
		if err != nil {
			return 0, 0, err
		}
		jobsPerSecond = max(jobsPerSecond, best.jobsPerSecond)
		if i == 0 || paced.p99 < p99 {
			p99 = paced.p99
		}
	}
	return jobsPerSecond, p99, nil
}

// server is the embedded server.
type server struct {
	URL           string
	RunnerToken   string
	ProducerToken string

	took  time.Duration // to its first line
	loads int           // that there were
	end   func()
}

// serve starts the server with flags. Where it prints no tokens, s has them.
func (s *server) serve(ctx context.Context, flags ...string) (*server, error) {
	folder, err := os.MkdirTemp("", "runlease-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	binary := filepath.Join(folder, "local")
	if err := program.Build(folder, "local"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s.start(ctx, folder, binary, flags)
}

// start runs the binary until end, which removes the folder too.
func (s *server) start(ctx context.Context, folder, binary string, flags []string) (*server, error) {
	process := exec.CommandContext(ctx, binary, flags...)
	process.Stderr = os.Stderr
	began := time.Now()
	if err := program.Serve(process, s); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s.took = time.Since(began)
	s.end = func() {
		program.End(process)
		_ = os.RemoveAll(folder)
	}
	if err := s.publish(); err != nil {
		s.end()
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return s, nil
}

func (s *server) publish() error {
	c, err := dial(s.URL)
	if err != nil {
		return err
	}
	defer c.close()
	producer := "Authorization: Bearer " + s.ProducerToken
	for _, r := range [][2]string{
		{"PUT /problems/1", `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`},
		{"POST /problems/1/publish", "{}"},
	} {
		if status, body, err := c.do(r[0], producer, r[1]); err != nil || status >= 300 {
			return fmt.Errorf("%s: %d %s %w", r[0], status, body, err)
		}
	}
	return nil
}

// loaded is what a load has shown.
type loaded struct{ jobsPerSecond, p99 float64 }

// load lets workers create a job and sync it, each on its own connection: a sync
// brings the result of the job before and takes the next one. With a pace, so
// many jobs begin a second, on time whether or not those before have ended, and a
// request has been under way since it should have begun.
func (s *server) load(ctx context.Context, workers, perSecond int) (loaded, error) {
	s.loads++
	number := s.loads
	ctx, cancel := context.WithTimeout(ctx, loadFor)
	defer cancel()
	began := time.Now()
	var jobs, begun atomic.Int64
	times := make([][]time.Duration, workers)
	failures := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			w := &worker{server: s, name: fmt.Sprintf("bench-%d-%d", number, i)}
			defer func() { w.close() }()
			if w.connection, failures[i] = dial(s.URL); failures[i] != nil {
				return
			}
			for n := 0; ctx.Err() == nil; n++ {
				from := time.Now()
				if perSecond > 0 {
					from = began.Add(time.Duration(begun.Add(1)) * time.Second / time.Duration(perSecond))
					time.Sleep(time.Until(from))
				}
				finished, took, err := w.job(fmt.Sprintf("l%d-%d-%d", number, i, n), from)
				if err != nil {
					failures[i] = err
					cancel()
					return
				}
				jobs.Add(int64(finished))
				times[i] = append(times[i], took...)
			}
			failures[i] = w.drain(&jobs)
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	if err := errors.Join(failures...); err != nil {
		return loaded{}, err
	}
	sorted := slices.Concat(times...)
	if len(sorted) == 0 {
		return loaded{}, errors.New("nothing was done")
	}
	slices.Sort(sorted)
	return loaded{
		jobsPerSecond: float64(jobs.Load()) / elapsed.Seconds(),
		p99:           float64(sorted[len(sorted)*99/100].Microseconds()) / 1000,
	}, nil
}

// worker is a producer and a runner with one slot.
type worker struct {
	*connection
	server *server
	name   string
	done   string // results that the next sync brings
	// of the reply to the last sync
	took     string // the job that is claimed; of several the last
	seat     int64  // where the runner waits for a ring; 0: nowhere
	doorbell string
}

func (w *worker) close() {
	if w.connection != nil {
		w.connection.close()
	}
}

const aResult = `[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":1,"memoryUsage":1}]]`

// job creates a job and syncs. It says how many jobs have been finished, and how
// long each request took.
func (w *worker) job(id string, from time.Time) (finished int, took []time.Duration, err error) {
	if err := w.create(id); err != nil {
		return 0, nil, err
	}
	created := time.Now()
	finished, err = w.sync(1)
	return finished, []time.Duration{created.Sub(from), time.Since(created)}, err
}

func (w *worker) create(id string) error {
	status, body, err := w.do("POST /jobs", "Authorization: Bearer "+w.server.ProducerToken, `{"submissionId":"`+id+`","problemId":1,"language":2,"code":"`+aZip+`"}`)
	if err != nil || status != 201 {
		return fmt.Errorf("create: %d %s %w", status, body, err)
	}
	return nil
}

// sync reports what is done and takes up to slots jobs.
func (w *worker) sync(slots int) (finished int, err error) {
	status, body, err := w.do("POST /runner/sync", "X-Runner-Token: "+w.server.RunnerToken+"\r\nX-Runner-Name: "+w.name,
		fmt.Sprintf(`{"slots":%d,"leaseSeconds":60,"seat":%d,"active":[],"done":[%s]}`, slots, w.seat, w.done))
	if err != nil || status != 200 {
		return 0, fmt.Errorf("sync: %d %s %w", status, body, err)
	}
	var reply struct {
		Data struct {
			Done []struct{ Code, Message string }
			Jobs []struct{ SubmissionID, Token string }

			Seat     int64
			Doorbell string
		}
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return 0, fmt.Errorf("sync: %w", err)
	}
	if w.done != "" && (len(reply.Data.Done) != 1 || !strings.Contains(reply.Data.Done[0].Message, "result received")) {
		return 0, fmt.Errorf("sync: result refused: %s", body)
	}
	finished, w.done = len(reply.Data.Done), ""
	w.seat, w.doorbell = reply.Data.Seat, reply.Data.Doorbell
	for _, j := range reply.Data.Jobs {
		w.took = j.SubmissionID
		w.done = `{"submissionId":"` + j.SubmissionID + `","token":"` + j.Token + `","tasks":` + aResult + `}`
	}
	return finished, nil
}

// drain finishes what is left.
func (w *worker) drain(jobs *atomic.Int64) error {
	for {
		finished, err := w.sync(0) // what still waits is left
		if err != nil {
			return err
		}
		jobs.Add(int64(finished))
		if w.done == "" {
			return nil
		}
	}
}
