package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/doorbell"
	"runlease/shared/dynamo"
	"runlease/shared/testkit/program"
)

// TestDoorbell runs a real runner that hears the doorbell, and hands jobs in while
// it waits. It claims whatever is on the queue, as the tests of sync do.
func TestDoorbell(t *testing.T) {
	able(t, "doorbell")
	c := newClient(t)
	problem := c.published()
	name := fresh("ear")
	log := startRunner(t, name)
	told := log("the doorbell is heard")
	if !strings.HasPrefix(at.URL, "http://"+fmt.Sprint(told["host"])) {
		t.Errorf("the runner logged %v", told)
	}
	// Where it sits it polls again after minutes: what it claims it was rung for.
	const jobs, soon = 5, 30 * time.Second
	for range jobs {
		time.Sleep(2 * time.Second) // it has sat down
		if at.kind == "ministack" {
			haunt(t)
		}
		id := c.queued(problem)
		handed := time.Now()
		for claimed := log("claimed"); claimed["job_id"] != id; {
			claimed = log("claimed")
		}
		if took := time.Since(handed); took > soon {
			t.Errorf("%s was claimed %s after it was handed in", id, took)
		}
		log("result accepted")
		if j := c.job(id); j["attempt"] != 1.0 || j["state"] != "finished" {
			t.Errorf("job %v", j)
		}
	}
}

// haunt puts a connection on the first bench that is gone, as after a $disconnect
// that never came: API Gateway answers 410 to a post to it, and the ringer goes on.
func haunt(t *testing.T) {
	t.Helper()
	table := ""
	outputs, err := os.ReadFile(strings.TrimSuffix(os.Getenv("RUNLEASE_TARGET"), ".json") + ".outputs.json")
	if err == nil {
		var stacks map[string]map[string]string
		err = json.Unmarshal(outputs, &stacks)
		table = stacks["runlease-dev"]["DoorbellTable"]
	}
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _, _ := strings.Cut(at.URL, "/_aws/")
	db := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(endpoint), Region: "us-east-1", Credentials: anyone})
	benches := dynamo.New(db, dynamo.Tables{Doorbell: table}).Benches()
	if _, sat, err := benches.Sit(t.Context(), 0, "gone", doorbell.Seat(1, 0)); err != nil || !sat {
		t.Fatal(sat, err)
	}
}

// startRunner runs the reference runner until the test ends. log waits for the
// next line whose text begins so, and returns its fields.
func startRunner(t *testing.T, name string, more ...string) (log func(text string) map[string]any) {
	t.Helper()
	dir := t.TempDir()
	if err := program.Build(dir, "runner"); err != nil {
		t.Fatal(err)
	}
	lines, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	runner := exec.Command(filepath.Join(dir, "runner"), append(more, "-url", at.URL, "-name", name, "-slots", "1", "-work", filepath.Join(dir, "work"), "-isolation", "native")...)
	runner.Env, runner.Stderr = append(os.Environ(), "RUNNER_TOKEN="+at.RunnerToken), write
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() {
		_ = runner.Process.Signal(os.Interrupt)
		_ = runner.Wait()
		_ = lines.Close()
	})
	read := json.NewDecoder(lines)
	return func(text string) map[string]any {
		t.Helper()
		var seen bytes.Buffer
		_ = lines.SetReadDeadline(time.Now().Add(time.Minute + patience)) // an act is in force within a minute
		for {
			var line map[string]any
			if err := read.Decode(&line); err != nil {
				t.Fatalf("the runner did not log %q: %v; it logged\n%s", text, err, &seen)
			}
			if msg, _ := line["msg"].(string); strings.HasPrefix(msg, text) {
				return line
			}
			_ = json.NewEncoder(&seen).Encode(line)
		}
	}
}
