package e2e

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// deployed reads a name of the deployment from the file beside its line of JSON.
func deployed(t *testing.T, name string) string {
	t.Helper()
	names, err := os.ReadFile(strings.TrimSuffix(os.Getenv("RUNLEASE_TARGET"), ".json") + ".env")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(names), name+"='")
	value, _, found := strings.Cut(rest, "'")
	if !found {
		t.Fatalf("the deployment has no %s", name)
	}
	return value
}

// anyone is what emulators take for credentials.
var anyone = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
})

// queues is a client of the emulator's SQS.
func queues(t *testing.T) *sqs.Client {
	t.Helper()
	endpoint, _, _ := strings.Cut(at.URL, "/_aws/")
	return sqs.New(sqs.Options{BaseEndpoint: aws.String(endpoint), Region: "us-east-1", Credentials: anyone})
}

// TestSweepRingsAgain: the queue loses a job's message; the sweep, started by
// its rule, rings again. It waits for two minutes and for two looks at a queue
// that is silent, which it is when the other tests are done.
func TestSweepRingsAgain(t *testing.T) {
	able(t, "sweep")
	c := newClient(t)
	id := c.queued(c.published())
	if _, err := queues(t).PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(deployed(t, "RUNLEASE_QUEUE_URL"))}); err != nil {
		t.Fatal(err)
	}
	t.Parallel() // only now: the others' messages must not be purged

	came := c.listedWithin(id, 8*time.Minute)
	t.Logf("listed again %.0f s after its message was lost", came.Seconds())
	if came < 90*time.Second {
		t.Errorf("listed after %s: its message was not lost", came)
	}
	token := c.claimed(id, "one")
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "AC"), as("one")})
}

// bootstraps lists the processes of a function. MiniStack's command lines do not
// say of which function a process is: there it lists all of them.
func bootstraps(t *testing.T, function string) (pids []int) {
	t.Helper()
	pattern := map[string]string{
		"localstack": "lambda/awslambda-us-east-1-tasks/runlease-dev-" + function + "-.*/code/bootstrap$",
		"ministack":  "ministack-provided-code-4567/.*/bootstrap$",
	}[at.kind]
	out, _ := exec.Command("pgrep", "-f", pattern).Output() // status 1: none
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// TestKilledFunction kills the claim function with SIGKILL while it serves
// claims: some callers get a 5xx, and every job is judged anyway, by one
// claim or, where the reply to a claim was lost, by a second one after its lease.
func TestKilledFunction(t *testing.T) {
	able(t, "kill")
	c := newClient(t)
	problem := c.published()
	c.want(404, "not_found", request{"POST", "/runner/jobs/nobody/claim", nil, as("one")}) // warm

	// Salvos of claims, until a kill has hit one.
	var ids []string
	var killed, refused int
	tokens := map[string]string{}
	for salvo := 0; salvo < 10 && refused == 0; salvo++ {
		var wait sync.WaitGroup
		var mu sync.Mutex
		for range 8 {
			id := c.queued(problem)
			ids = append(ids, id)
			wait.Go(func() {
				status, token := rawClaim(t, id)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == http.StatusOK:
					tokens[id] = token
				case status >= 500:
					refused++
				default:
					t.Errorf("claim of %s under fire: %d", id, status)
				}
			})
		}
		killed += fire(t, "claim-job", &wait, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return refused > 0
		})
	}
	t.Logf("%d processes killed, of %d claims %d answered and %d refused", killed, len(ids), len(tokens), refused)
	if refused == 0 {
		t.Fatal("no kill hit a claim")
	}
	t.Parallel()

	for _, id := range ids {
		token, answered := tokens[id]
		for end := time.Now().Add(time.Duration(at.lease)*time.Second + patience); !answered; time.Sleep(time.Second) {
			status, got := rawClaim(t, id)
			if token, answered = got, status == http.StatusOK; !answered && time.Now().After(end) {
				t.Fatalf("%s is not claimable again: %d", id, status)
			}
		}
		c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "AC"), as("one")})
		if j := c.job(id); j["state"] != "finished" || j["attempt"].(float64) > 2 {
			t.Errorf("job %v", j)
		}
	}
}

// rawClaim claims a job and takes any reply, also the gateway's own.
func rawClaim(t *testing.T, id string) (status int, token string) {
	c := newClient(t)
	c.http.Transport = nil
	got := c.do(request{"POST", "/runner/jobs/" + id + "/claim", map[string]any{"leaseSeconds": at.lease}, as("one")})
	token, _ = got.Data["token"].(string)
	return got.Status, token
}

// TestKilledWriters kills the functions that take jobs and results with SIGKILL
// while they serve requests. The callers repeat what was not answered, as they
// must: every job is there once, and has the one result that was sent for it.
func TestKilledWriters(t *testing.T) {
	able(t, "kill")
	c := newClient(t)
	problem := c.published()
	warm := c.queued(problem)
	c.want(200, "", request{"PUT", "/runner/jobs/" + warm + "/complete", result(c.claimed(warm, "one"), "AC"), as("one")})

	for _, function := range []string{"create-job", "complete-job"} {
		var ids []string
		refused, killed := 0, 0
		for salvo := 0; salvo < 10 && refused == 0; salvo++ {
			var requests []request
			for range 8 {
				if function == "create-job" {
					id := fresh("job")
					ids = append(ids, id)
					requests = append(requests, request{"POST", "/jobs", inline(id, problem), producer()})
					continue
				}
				id := c.queued(problem)
				ids = append(ids, id)
				requests = append(requests, request{"PUT", "/runner/jobs/" + id + "/complete", result(c.claimed(id, "one"), "AC"), as("one")})
			}
			r, k := underFire(t, function, requests)
			refused, killed = refused+r, killed+k
		}
		t.Logf("%s: %d processes killed, %d of %d requests not answered at first", function, killed, refused, len(ids))
		if refused == 0 {
			t.Errorf("no kill hit %s", function)
		}
		for _, id := range ids {
			if function == "create-job" {
				c.want(200, "", request{"POST", "/jobs", inline(id, problem), producer()})
				c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(c.claimed(id, "one"), "AC"), as("one")})
			}
			j := c.job(id)
			past := j["attempts"].([]any)
			if j["state"] != "finished" || j["status"] != 0.0 || len(past) != 1 || past[0].(map[string]any)["how"] != "completed" {
				t.Errorf("%s after the kills of %s: %v", id, function, j)
			}
		}
	}
}

// underFire makes requests at once and kills the function that serves them. Each
// is repeated until it is answered; refused counts the refusals.
func underFire(t *testing.T, function string, requests []request) (refused, killed int) {
	t.Helper()
	var wait sync.WaitGroup
	var mu sync.Mutex
	for _, r := range requests {
		wait.Go(func() {
			c := newClient(t)
			c.http.Transport = nil // the gateway's own replies are not in openapi.yaml
			for try := range 20 {
				status := c.do(r).Status
				if status < 500 {
					if status >= 300 {
						t.Errorf("%s %s under fire: %d", r.method, r.path, status)
					}
					return
				}
				if try == 0 {
					mu.Lock()
					refused++
					mu.Unlock()
				}
				time.Sleep(500 * time.Millisecond)
			}
			t.Errorf("%s %s is never answered", r.method, r.path)
		})
	}
	killed = fire(t, function, &wait, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return refused > 0
	})
	return refused, killed
}

// fire kills the function's processes every 20 ms until one of the requests was
// hit or all are answered, however long the gateway takes to pass them on. It
// returns when all are answered.
func fire(t *testing.T, function string, requests *sync.WaitGroup, hit func() bool) (killed int) {
	t.Helper()
	answered := make(chan struct{})
	go func() {
		requests.Wait()
		close(answered)
	}()
	for !hit() {
		for _, pid := range bootstraps(t, function) {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
		select {
		case <-answered:
			return killed
		case <-time.After(20 * time.Millisecond):
		}
	}
	<-answered
	return killed
}
