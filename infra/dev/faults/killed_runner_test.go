//go:build localstack

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"runlease/shared/testkit/wire"
)

// asRunner, in the environment, makes a process of this test a runner.
const asRunner = "RUNLEASE_FAULTS_RUNNER"

// held is what such a process is told.
type held struct{ URL, Token, Name, Job string }

func TestMain(m *testing.M) {
	if told := os.Getenv(asRunner); told != "" {
		if err := holdJob(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// holdJob claims a job and keeps its lease until it is killed. It prints a line
// for the claim and for every heartbeat.
func holdJob(told string) error {
	var h held
	if err := json.Unmarshal([]byte(told), &h); err != nil {
		return err
	}
	c := caller{wire.Client{URL: h.URL, RunnerToken: h.Token}}
	if a := c.call(context.Background(), "POST", "/runner/jobs/"+h.Job+"/claim", h.Name, ""); a.status != 200 {
		return fmt.Errorf("claim: %d %s", a.status, a.Code)
	}
	fmt.Println("claimed")
	for {
		time.Sleep(time.Second)
		if a := c.call(context.Background(), "POST", "/runner/heartbeat", h.Name, fmt.Sprintf(`{"submissionId":%q}`, h.Job)); a.status != 200 {
			return fmt.Errorf("heartbeat: %d %s", a.status, a.Code)
		}
		fmt.Println("heard")
	}
}

// TestKilledRunners kills runner processes with SIGKILL in the middle of their
// jobs. With steady polling each job is listed again within its lease plus 5 s,
// and another runner judges it.
func TestKilledRunners(t *testing.T) {
	const killed = 5
	w := newWorld(t)
	listed := map[string]time.Time{}
	poll := func() {
		for _, j := range w.must(200, "GET", "/runner/jobs?limit=10", "poller", "").Data.Jobs {
			if _, seen := listed[j.SubmissionID]; !seen {
				listed[j.SubmissionID] = time.Now()
			}
		}
	}
	type victim struct {
		id      string
		process *exec.Cmd
		lines   chan string
	}
	var victims []victim
	for n := range killed {
		v := victim{id: fmt.Sprintf("job-%d", n), lines: make(chan string, 100)}
		w.must(201, "POST", "/jobs", "", newJob(v.id))
		told, err := json.Marshal(held{w.URL, w.RunnerToken, fmt.Sprintf("victim-%d", n), v.id})
		if err != nil {
			t.Fatal(err)
		}
		v.process = exec.Command(os.Args[0])
		v.process.Env = append(os.Environ(), asRunner+"="+string(told))
		v.process.Stderr = os.Stderr
		out, err := v.process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := v.process.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.process.Process.Kill() })
		go func() {
			for s := bufio.NewScanner(out); s.Scan(); {
				v.lines <- s.Text()
			}
			close(v.lines)
		}()
		victims = append(victims, v)
	}
	for _, v := range victims {
		for _, want := range []string{"claimed", "heard", "heard"} {
			select {
			case got := <-v.lines:
				if got != want {
					t.Fatalf("runner of %s said %q, want %q", v.id, got, want)
				}
			case <-time.After(time.Minute):
				t.Fatalf("runner of %s says nothing", v.id)
			}
		}
	}
	// Meanwhile others poll, as they do: they find the messages of held jobs, and
	// from then on heartbeats move those too.
	for range 4 {
		poll()
		time.Sleep(time.Second)
	}
	for _, v := range victims {
		if _, seen := listed[v.id]; seen {
			t.Fatalf("%s was listed while it was held", v.id)
		}
	}
	dead := map[string]time.Time{}
	for _, v := range victims {
		if err := v.process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = v.process.Wait()
		dead[v.id] = time.Now()
	}
	for end := time.Now().Add(lease + 30*time.Second); len(listed) < killed && time.Now().Before(end); time.Sleep(time.Second) {
		poll()
	}
	var slowest time.Duration
	for _, v := range victims {
		at, seen := listed[v.id]
		if !seen {
			t.Fatalf("%s is not listed again", v.id)
		}
		took := at.Sub(dead[v.id])
		slowest = max(slowest, took)
		if took > lease+5*time.Second {
			t.Errorf("%s was listed %.1f s after its runner was killed, want at most its lease of %s and 5 s", v.id, took.Seconds(), lease)
		}
		claim := w.must(200, "POST", "/runner/jobs/"+v.id+"/claim", "rescuer", "")
		w.must(200, "PUT", "/runner/jobs/"+v.id+"/complete", "rescuer", result(claim.Data.Token))
		if j := w.must(200, "GET", "/jobs/"+v.id, "", "").Data; j.State != "finished" || j.Attempt != 2 || j.Failures != 1 || *j.Attempts[0].How != "lost" {
			t.Errorf("%s: %+v", v.id, j)
		}
	}
	t.Logf("%d runners killed, each with a lease of %s; the slowest job was listed again %.1f s later", killed, lease, slowest.Seconds())
}
