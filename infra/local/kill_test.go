package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/testkit/powercut"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
)

var (
	kills = flag.Int("kills", 4, "how often TestKilled kills the server")
	cuts  = flag.Int("cuts", 2, "how often TestPowerCut cuts the power")
)

const (
	ackedBetweenKills = 1000
	killClients       = 16
)

// TestKilled kills the server at random moments under load. Whatever was answered
// 2xx is there afterwards: jobs, results, credentials and bytes; no result counts
// twice; and what was under way ends by its own clocks.
func TestKilled(t *testing.T) {
	k := newKilled(t)
	k.start()
	k.publish()
	for range *kills {
		k.load()
		_ = k.process.Wait()
		k.start()
		k.check(false)
	}
	k.drain()
	k.check(true)
	k.stop()
	k.codes()
	t.Logf("%d kills, %d requests acknowledged, %d jobs, %d results", *kills, k.acked.Load(), len(k.scores), k.results)
}

func newKilled(t *testing.T) *killed {
	t.Helper()
	bin := t.TempDir()
	if err := program.Build(bin, "local"); err != nil {
		t.Fatal(err)
	}
	return &killed{t: t, binary: filepath.Join(bin, "local"), dir: filepath.Join(t.TempDir(), "data"), scores: make(map[string]int)}
}

func (k *killed) publish() {
	k.t.Helper()
	k.must("PUT", "/problems/1", `{"tasks":[{"taskScore":60,"caseCount":1,"memoryLimit":65536,"timeLimit":1000},{"taskScore":40,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`)
	k.must("POST", "/problems/1/publish", "")
}

type killed struct {
	t          *testing.T
	binary     string
	dir        string
	hello      hello
	process    *exec.Cmd
	complaints *lines
	under      []string      // what starts the server
	cut        *powercut.Cut // nil: what a kill leaves is left
	acked      atomic.Int64
	number     atomic.Int64

	mu      sync.Mutex
	scores  map[string]int // of acknowledged jobs: what was acknowledged as their result; -1: none
	results int
}

// start starts the server; the tokens are those of its first start.
func (k *killed) start() {
	k.t.Helper()
	command := []string{k.binary, "-data", k.dir, "-lease", "1s", "-rate", "0"}
	command = append(append([]string(nil), k.under...), command...)
	if k.cut != nil {
		command = k.cut.Command(command...)
	}
	k.process = exec.Command(command[0], command[1:]...)
	k.complaints = new(lines)
	k.process.Stderr = k.complaints
	if err := program.Serve(k.process, &k.hello); err != nil {
		k.t.Fatalf("start after a kill: %v: %s", err, k.complaints)
	}
}

// load lets clients create, claim and complete until a moment after a number of
// replies, and kills the server under them.
func (k *killed) load() {
	enough := k.acked.Load() + ackedBetweenKills
	var dead atomic.Bool
	var clients sync.WaitGroup
	for c := range killClients {
		clients.Go(func() {
			transport := &http.Transport{MaxIdleConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			w := &killClient{killed: k, Client: http.Client{Transport: transport, Timeout: until.Hang}, name: fmt.Sprintf("k%d", c)}
			for !dead.Load() && w.turn() {
			}
		})
	}
	gone := make(chan struct{})
	go func() { clients.Wait(); close(gone) }()
	for k.acked.Load() < enough {
		select {
		case <-gone: // every client has met an error
			k.t.Fatalf("%d of %d requests were acknowledged; %s", k.acked.Load(), enough, k.complaints)
		case <-time.After(time.Millisecond):
		}
	}
	time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
	kill := func(int) error { return k.process.Process.Kill() }
	if k.cut != nil {
		kill = k.cut.Kill
	}
	if err := kill(k.process.Process.Pid); err != nil {
		k.t.Error(err)
	}
	dead.Store(true)
	<-gone
}

// killClient is a producer and a runner with one slot.
type killClient struct {
	*killed
	http.Client
	name string
	done []finishedJob
}

type finishedJob struct {
	ID    string
	Token string
	score int
}

// tasks are a result with a score that is told by the number in the job's id.
func (f finishedJob) tasks() string {
	status := map[bool]string{true: "AC", false: "WA"}
	one := func(ok bool) string {
		return fmt.Sprintf(`[{"exitCode":0,"status":%q,"stdout":"out","stderr":"","execTime":1,"memoryUsage":1}]`, status[ok])
	}
	return "[" + one(f.score&1 == 1) + "," + one(f.score&2 == 2) + "]"
}

func (f finishedJob) points() int { return 60*(f.score&1) + 20*(f.score&2) }

// turn creates a job and syncs; false if the server has gone.
func (w *killClient) turn() bool {
	id := fmt.Sprintf("job-%d", w.number.Add(1))
	status, body := w.call(w.Client, w.name, "POST", "/jobs", aJob(id))
	switch {
	case status == 0:
		return false
	case status != http.StatusCreated:
		w.t.Errorf("create: %d %s", status, body)
		return false
	}
	w.acked.Add(1)
	w.mu.Lock()
	if _, ended := w.scores[id]; !ended { // before we heard of it
		w.scores[id] = -1
	}
	w.mu.Unlock()
	return w.sync(1) >= 0
}

// sync reports and claims, and returns how many jobs it got; -1: the server has gone.
func (w *killClient) sync(slots int) int {
	report := "[]"
	if len(w.done) > 0 {
		f := w.done[0]
		report = fmt.Sprintf(`[{"submissionId":%q,"token":%q,"tasks":%s}]`, f.ID, f.Token, f.tasks())
	}
	status, body := w.call(w.Client, w.name, "POST", "/runner/sync", fmt.Sprintf(`{"slots":%d,"leaseSeconds":1,"active":[],"done":%s}`, slots, report))
	if status == 0 {
		return -1
	}
	var reply struct {
		Data struct {
			Done []struct{ Code, Message string }
			Jobs []finishedJob
		}
	}
	// The ids of jobs are "submissionId" on the wire.
	if err := json.Unmarshal(bytes.ReplaceAll(body, []byte(`"submissionId"`), []byte(`"id"`)), &reply); err != nil || status != http.StatusOK {
		w.t.Errorf("sync: %d %s %v", status, body, err)
		return -1
	}
	w.acked.Add(1)
	if len(w.done) > 0 && len(reply.Data.Done) == 1 && strings.Contains(reply.Data.Done[0].Message, "result received") {
		w.mu.Lock()
		if was, known := w.scores[w.done[0].ID]; known && was >= 0 && was != w.done[0].points() {
			w.t.Errorf("job %s: results %d and %d were both accepted", w.done[0].ID, was, w.done[0].points())
		}
		w.scores[w.done[0].ID] = w.done[0].points()
		w.results++
		w.mu.Unlock()
	}
	w.done = reply.Data.Jobs
	for i := range w.done {
		w.done[i].score = rand.IntN(4)
	}
	return len(w.done)
}

// call makes one request; 0 if the server has gone before it answered.
func (k *killed) call(client http.Client, runner, method, path, body string) (int, []byte) {
	api := wire.Client{URL: k.hello.URL, RunnerToken: k.hello.RunnerToken, ProducerToken: k.hello.ProducerToken, HTTP: &client}
	reply, _ := api.Do(context.Background(), method, path, runner, body, "Authorization", "Bearer "+k.hello.ProducerToken)
	return reply.Status, reply.Text
}

func (k *killed) must(method, path, body string) []byte {
	k.t.Helper()
	status, text := k.call(http.Client{Timeout: until.Hang}, "r", method, path, body)
	if status < 200 || status > 299 {
		k.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// keptJob is a job as the server shows it.
type keptJob struct {
	SubmissionID string
	State        string
	Score        *int
	Attempts     []struct{ How string }
}

// jobs reads every job that was acknowledged.
func (k *killed) jobs() (all []keptJob) {
	k.t.Helper()
	ids := make([]string, 0, len(k.scores))
	for id := range k.scores {
		ids = append(ids, id)
	}
	for page := range slices.Chunk(ids, 100) {
		list, _ := json.Marshal(map[string]any{"ids": page})
		var reply struct{ Data struct{ Jobs []keptJob } }
		if err := json.Unmarshal(k.must("POST", "/jobs/query", string(list)), &reply); err != nil {
			k.t.Fatal(err)
		}
		if len(reply.Data.Jobs) != len(page) {
			k.t.Fatalf("%d of %d acknowledged jobs are there", len(reply.Data.Jobs), len(page))
		}
		all = append(all, reply.Data.Jobs...)
	}
	return all
}

// check looks at every job that was acknowledged, and its code; final: all have ended.
func (k *killed) check(final bool) {
	k.t.Helper()
	for _, j := range k.jobs() {
		want, completed := k.scores[j.SubmissionID], 0
		for _, a := range j.Attempts {
			if a.How == "completed" {
				completed++
			}
		}
		switch {
		case want >= 0 && (j.State != "finished" || j.Score == nil || *j.Score != want):
			k.t.Errorf("job %s: %s with %v after a result of %d was acknowledged", j.SubmissionID, j.State, j.Score, want)
		case final && j.State != "finished":
			k.t.Errorf("job %s is %s at the end", j.SubmissionID, j.State)
		case completed > 1:
			k.t.Errorf("job %s has %d results", j.SubmissionID, completed)
		}
	}
	// The code is in its files once the journal has been filed.
	until.NoError(k.t, until.Hang, func() error {
		objects, err := os.ReadDir(filepath.Join(k.dir, "code"))
		if !final || err == nil && len(objects) >= longCodes(k.scores) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("the code of %d jobs is there, of %d; %s", len(objects), longCodes(k.scores), k.complaints))
	})
}

// drain lets every job come back by its clock and end.
func (k *killed) drain() {
	k.t.Helper()
	w := &killClient{killed: k, Client: http.Client{Timeout: until.Hang}, name: "last"}
	for last := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		for n := w.sync(1); n != 0; n = w.sync(1) {
			if n < 0 {
				k.t.Fatal("the server has gone")
			}
			last = time.Now()
		}
		open := slices.DeleteFunc(k.jobs(), func(j keptJob) bool { return j.State == "finished" })
		if len(open) == 0 {
			return
		}
		if time.Since(last) > until.Hang {
			k.t.Fatalf("no job can be claimed, but %d are open: %+v", len(open), open[0])
		}
	}
}
