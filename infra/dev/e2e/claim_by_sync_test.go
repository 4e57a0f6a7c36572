package e2e

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"
)

// sync does one sync of a runner.
func (c *client) sync(runner string, body map[string]any) reply {
	c.t.Helper()
	return c.want(200, "", request{"POST", "/runner/sync", body, as(runner)})
}

// entry is the entry of a list of a reply, by its place.
func entry(r reply, list string, i int) map[string]any {
	entries, _ := r.Data[list].([]any)
	if i >= len(entries) {
		return nil
	}
	return entries[i].(map[string]any)
}

// claimedBySync claims jobs off the queue until it has all that it looks for.
// What others have left there is given back.
func (c *client) claimedBySync(runner string, ids ...string) map[string]map[string]any {
	c.t.Helper()
	missing, claims := map[string]bool{}, map[string]map[string]any{}
	for _, id := range ids {
		missing[id] = true
	}
	for end := time.Now().Add(2 * time.Minute); len(missing) > 0; {
		if time.Now().After(end) {
			c.t.Fatalf("not claimed: %v", missing)
		}
		got := c.sync(runner, map[string]any{"slots": min(len(missing), 10), "inline": true, "leaseSeconds": 60})
		jobs := got.Data["jobs"].([]any)
		for i := range jobs {
			job := entry(got, "jobs", i)
			id := job["submissionId"].(string)
			if !missing[id] {
				c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": job["token"], "reason": "drain"}, as(runner)})
				continue
			}
			delete(missing, id)
			claims[id] = job
		}
		if len(jobs) == 0 {
			time.Sleep(500 * time.Millisecond)
		}
	}
	return claims
}

// The tests of sync claim whatever is on the queue. They do not run beside other
// tests, and go test takes this file before the tests that leave jobs there.

// TestSync takes jobs through a runner's life by the one route.
func TestSync(t *testing.T) {
	c := newClient(t)
	problem := c.published()
	ids := []string{c.queued(problem), c.queued(problem), c.queued(problem)}
	claims := c.claimedBySync("syncing", ids...)
	token := func(i int) string { return claims[ids[i]]["token"].(string) }
	for id, claim := range claims {
		code := claim["code"].(map[string]any)
		var body []byte
		var err error
		if inline, given := code["inline"].(string); given {
			body, err = base64.StdEncoding.DecodeString(inline)
		} else { // LocalStack is deployed with codeAsObjects
			_, body = c.fetch(code["url"].(string))
		}
		if err != nil || sum(body) != code["sha256"] || claim["attempt"] != 1.0 || claim["leaseSeconds"] != 60.0 {
			t.Errorf("%s: code %v, error %v, claim %v", id, code, err, claim)
		}
		// An existing client gets the zip itself: through the gateway it must be what it was.
		accepts := [][]string{{"Accept", "*/*"}, {"Accept", "application/zip"}, {}}
		if at.kind == "localstack" { // there code is an object, and this a redirect
			accepts = nil
		}
		for _, accept := range accepts {
			file := c.want(200, "", request{"GET", "/runner/jobs/" + id + "/code", nil, as("syncing", accept...)})
			if got := file.Header; !bytes.Equal(file.Text, body) || got.Get("Content-Type") != "application/zip" || got.Get("Content-Disposition") != `attachment; filename="`+id+`.zip"` {
				t.Errorf("%v: got %d bytes, want %d, %v", accept, len(file.Text), len(body), got)
			}
		}
		place := c.want(200, "", request{"GET", "/runner/jobs/" + id + "/code", nil, as("syncing", "Accept", "application/json")})
		if status, got := c.fetch(place.Data["url"].(string)); status != 200 || !bytes.Equal(got, body) {
			t.Errorf("%s by URL: %d %q", id, status, got)
		}
		// Claimed, not listed: no other runner gets it.
		c.want(409, "already_claimed", request{"POST", "/runner/jobs/" + id + "/claim", nil, as("other")})
	}
	c.want(200, "", request{"POST", "/jobs/" + ids[1] + "/cancel", nil, producer()})
	done := func(i int, token, status string) map[string]any {
		item := result(token, status)
		item["submissionId"] = ids[i]
		return item
	}
	active := func(i int) map[string]any { return map[string]any{"submissionId": ids[i], "token": token(i)} }

	got := c.sync("syncing", map[string]any{
		"slots":  0,
		"done":   []any{done(0, token(0), "WA"), done(2, "rlc_other", "AC"), map[string]any{"submissionId": "a b"}, done(2, token(2), "OK")},
		"active": []any{active(1), active(2), map[string]any{"submissionId": "nobody", "token": "x"}},
	})
	for i, want := range []string{"ok", "invalid_submission_token", "malformed_id", "invalid_result"} {
		if item := entry(got, "done", i); item["code"] != want {
			t.Errorf("result %d: %v, want %s", i, item, want)
		}
	}
	if message := entry(got, "done", 0)["message"]; message != "submission ["+ids[0]+"] result received." {
		t.Errorf("message %q", message)
	}
	for i, want := range []string{"cancel", "continue", "lost"} {
		if item := entry(got, "active", i); item["action"] != want {
			t.Errorf("lease %d: %v, want %s", i, item, want)
		}
	}
	if other := c.sync("other", map[string]any{"slots": 0, "done": []any{done(2, token(2), "AC")}, "active": []any{active(2)}}); entry(other, "done", 0)["code"] != "not_claimed_by_runner" || entry(other, "active", 0)["action"] != "lost" {
		t.Errorf("another runner, with this one's tokens: %v", other.Data)
	}

	got = c.sync("syncing", map[string]any{"slots": 0, "done": []any{done(0, token(0), "WA"), done(0, token(0), "AC"), done(1, token(1), "AC"), done(2, token(2), "AC")}})
	for i, want := range []string{"ok", "result_conflict", "job_cancelled", "ok"} {
		if item := entry(got, "done", i); item["code"] != want {
			t.Errorf("result %d: %v, want %s", i, item, want)
		}
	}
	for i, want := range []struct {
		state  string
		status float64
	}{{"finished", 1}, {"cancelled", -1}, {"finished", 0}} {
		if j := c.job(ids[i]); j["state"] != want.state || j["status"] != want.status || j["attempt"] != 1.0 {
			t.Errorf("job %d: %v, want %v", i, j, want)
		}
	}
}

// TestSyncKeepsALease for half as long again as it is, and hands the job on when
// it falls silent.
func TestSyncKeepsALease(t *testing.T) {
	c := newClient(t)
	id := c.queued(c.published())
	claim := c.claimedBySync("syncing", id)[id]
	// A second claim, for the shortest lease.
	c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": claim["token"], "reason": "drain"}, as("syncing")})
	var token string
	for end := time.Now().Add(time.Minute); token == "" && time.Now().Before(end); {
		got := c.sync("syncing", map[string]any{"slots": 1, "leaseSeconds": at.lease})
		if job := entry(got, "jobs", 0); job["submissionId"] == id {
			token = job["token"].(string)
		}
	}
	lease := time.Duration(at.lease) * time.Second
	for end := time.Now().Add(lease * 3 / 2); time.Now().Before(end); time.Sleep(lease / 4) {
		got := c.sync("syncing", map[string]any{"slots": 0, "active": []any{map[string]any{"submissionId": id, "token": token}}})
		if entry(got, "active", 0)["action"] != "continue" {
			t.Fatalf("synced %v", got.Data)
		}
		if other := c.sync("other", map[string]any{"slots": 1, "leaseSeconds": at.lease}); entry(other, "jobs", 0)["submissionId"] == id {
			t.Fatal("claimed by another, though its lease was kept")
		}
	}
	began := time.Now()
	second := c.claimedBySync("other", id)[id]
	if came := time.Since(began); second["attempt"] != 3.0 || came > lease+30*time.Second {
		t.Errorf("attempt %v, %s after the last heartbeat", second["attempt"], came)
	}
	item := result(token, "WA")
	item["submissionId"] = id
	late := c.sync("syncing", map[string]any{"slots": 0, "done": []any{item}})
	if entry(late, "done", 0)["code"] != "not_claimed_by_runner" {
		t.Errorf("a late result: %v", late.Data)
	}
	item = result(second["token"].(string), "AC")
	item["submissionId"] = id
	if got := c.sync("other", map[string]any{"slots": 0, "done": []any{item}}); entry(got, "done", 0)["code"] != "ok" {
		t.Errorf("done %v", got.Data)
	}
	if j := c.job(id); j["state"] != "finished" || j["failures"] != 1.0 || j["disputed"] != true {
		t.Errorf("job %v", j)
	}
}
