package e2e

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestLeaseExpires: a runner falls silent, its job comes back by the queue's own
// clock, another runner judges it, and the first one's result is refused.
func TestLeaseExpires(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	c.listedWithin(id, time.Minute) // takes the message off the queue
	old := c.claimed(id, "silent")
	lease := time.Duration(at.lease) * time.Second
	came := c.listedWithin(id, lease+30*time.Second)
	t.Logf("listed again %.1f s after its claim for %s", came.Seconds(), lease)
	if came < lease-2*time.Second {
		t.Errorf("listed again after %s, before its lease of %s ended", came, lease)
	}
	token := c.claimed(id, "second")
	c.want(403, "not_claimed_by_runner", request{"PUT", "/runner/jobs/" + id + "/complete", result(old, "WA"), as("silent")})
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "AC"), as("second")})
	j := c.job(id)
	if j["attempt"] != 2.0 || j["failures"] != 1.0 || j["status"] != 0.0 || j["disputed"] != true {
		t.Errorf("job %v", j)
	}
	first := j["attempts"].([]any)[0].(map[string]any)
	if first["how"] != "lost" || first["late"] == nil {
		t.Errorf("first attempt %v", first)
	}
}

// TestHeartbeatsKeepALease for more than twice its length.
func TestHeartbeatsKeepALease(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	c.listedWithin(id, time.Minute)
	token := c.claimed(id, "alive")
	for end := time.Now().Add(time.Duration(at.lease) * 5 / 2 * time.Second); time.Now().Before(end); {
		c.want(200, "", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": id}, as("alive", "X-Claim-Token", token)})
		c.want(200, "", request{"GET", "/runner/jobs?limit=1", nil, as("lister")})
		time.Sleep(time.Duration(at.lease) * time.Second / 4)
	}
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "AC"), as("alive")})
	if j := c.job(id); j["attempt"] != 1.0 {
		t.Errorf("job %v", j)
	}
}

// TestReleaseAndCancel: a job that is given back is listed at once; a cancel
// reaches the runner by its heartbeat.
func TestReleaseAndCancel(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	token := c.claimed(id, "one")
	for range 2 {
		c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": token, "reason": "drain"}, as("one")})
	}
	c.listedWithin(id, time.Minute)
	token = c.claimed(id, "two")
	if j := c.job(id); j["attempt"] != 2.0 || j["failures"] != 0.0 {
		t.Errorf("job %v", j)
	}
	gone := request{"DELETE", "/jobs/" + id, nil, producer()}
	c.want(409, "not_final", gone)
	c.want(200, "", request{"POST", "/jobs/" + id + "/cancel", nil, producer()})
	if got := c.want(200, "", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": id}, as("two")}); got.Data["action"] != "cancel" {
		t.Errorf("heartbeat %v", got.Data)
	}
	c.want(409, "job_cancelled", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "AC"), as("two")})
	if j := c.job(id); j["state"] != "cancelled" {
		t.Errorf("job %v", j)
	}
	c.want(200, "", gone)
	c.want(404, "not_found", gone)
	c.want(409, "not_submitted", request{"POST", "/jobs/" + c.uploading() + "/rejudge", map[string]any{"generation": 0}, producer()})
}

// uploading makes a job that awaits its code.
func (c *client) uploading() string {
	c.t.Helper()
	id := fresh("job")
	job := inline(id, c.published())
	job["code"] = map[string]any{"size": 3, "sha256": sum([]byte("PK!"))}
	c.want(201, "", request{"POST", "/jobs", job, producer()})
	return id
}

// TestOneOfManyClaimsWins.
func TestOneOfManyClaimsWins(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	var won, lost atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			switch got := c.do(request{"POST", "/runner/jobs/" + id + "/claim", nil, as(fresh("r"))}); got.Status {
			case 200:
				won.Add(1)
			case 409:
				lost.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// TestListingHides a listed job from the next lists, for three seconds.
func TestListingHides(t *testing.T) {
	// Not in parallel: other tests' lists would be mistaken for this one's.
	c := newClient(t)
	id := c.queued(c.published())
	c.listedWithin(id, time.Minute)
	began := time.Now()
	for i := range 2 {
		again := slices.Contains(c.list(), id)
		if took := time.Since(began); again && took < 2500*time.Millisecond {
			t.Errorf("list %d has the job again %s after it was listed", i, took)
		}
	}
	c.listedWithin(id, time.Minute)
	c.want(200, "", request{"POST", "/jobs/" + id + "/cancel", nil, producer()})
}
