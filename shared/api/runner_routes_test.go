package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/job"
)

func TestListJobs(t *testing.T) {
	w := newWorld(t)
	same(t, w.must(200, get("/runner/jobs")), `{"data":{"jobs":[],"pollSeconds":5},"message":"ok","status":"ok"}`)
	w.problems()
	w.queued("j1", "j2", "j3", "j4", "j5")
	got := w.must(200, get("/runner/jobs?limit=1&other=x"))
	same(t, got, `{"data":{"jobs":[{"submissionId":"j1","problemId":7,"language":2,"timestamp":1763937600.250}],"pollSeconds":1},"message":"ok","status":"ok"}`)
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	if jobs := w.must(200, get("/runner/jobs/")).data["jobs"].([]any); len(jobs) != 4 {
		t.Errorf("%d jobs without a limit, want 4", len(jobs))
	}
	const text = "invalid limit: want 1 to 10"
	var rows []row
	for _, limit := range []string{"0", "11", "-1", "+4", "04", "4.0", "x", "", "%zz", "1&limit=2", "99999999999999999999"} {
		rows = append(rows, row{"limit " + limit, get("/runner/jobs?limit=" + limit), 400, "invalid_limit", text})
	}
	for _, said := range []string{"C", "0,", "64", "-1", "1&languages=2"} {
		rows = append(rows, row{"languages " + said, get("/runner/jobs?languages=" + said), 400, "invalid_languages", "invalid languages: want at most 64 numbers, 0 to 63"})
	}
	for _, said := range []string{"", "0,1,2,40,63"} {
		rows = append(rows, row{"languages " + said, get("/runner/jobs?languages=" + said + "&checkers=true"), 200, "", "ok"})
	}
	w.check(append(rows, row{"ten", get("/runner/jobs?limit=10"), 200, "", "ok"}))
}

func TestClaimJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1", "bare1", "j2", "j3", "j4", "j5")
	w.must(201, post("/jobs", newJob("pdf", 7, 3)))
	w.finished("done")

	same(t, w.must(200, post("/runner/jobs/j1/claim", `{"inline":true}`)), fmt.Sprintf(
		`{"data":{"submissionId":"j1","problemId":7,"language":2,"token":"*","meta":{"language":2,"tasks":%s},"attempt":1,"generation":0,"leaseSeconds":600,"heartbeatSeconds":60,`+
			`"code":{"inline":%q,"size":%d,"sha256":%q},"testdata":{"url":"*","size":%d,"sha256":%q,"expiresIn":300}},"message":"job claimed","status":"ok"}`,
		tasks7, base64.StdEncoding.EncodeToString(zip), len(zip), sum(zip), len(testdata), sum(testdata)))
	bare := w.must(200, post("/runner/jobs/bare1/claim", `{"leaseSeconds":60}`))
	same(t, bare, fmt.Sprintf(
		`{"data":{"submissionId":"bare1","problemId":8,"language":2,"token":"*","meta":{"language":2,"tasks":%s},"attempt":1,"generation":0,"leaseSeconds":60,"heartbeatSeconds":20,`+
			`"code":null,"testdata":null},"message":"job claimed","status":"ok"}`, tasks8))
	w.must(201, post("/jobs", newJob("long", 8, 2)))
	same(t, w.must(200, post("/runner/jobs/long/claim", `{"inline":true}`)), fmt.Sprintf(
		`{"data":{"submissionId":"long","problemId":8,"language":2,"token":"*","meta":{"language":2,"tasks":%s},"attempt":1,"generation":0,"leaseSeconds":600,"heartbeatSeconds":60,`+
			`"code":{"url":"*","size":%d,"sha256":%q,"expiresIn":300},"testdata":null},"message":"job claimed","status":"ok"}`, tasks8, len(longZip), sum(longZip)))

	const bounds = "invalid leaseSeconds: want 30 to 900"
	const notInt = "invalid body: leaseSeconds: want an integer"
	w.check([]row{
		{"unknown", post("/runner/jobs/none/claim", ""), 404, "not_found", "submission not found"},
		{"held by another", post("/runner/jobs/j1/claim", "").by("runner-b"), 409, "already_claimed", "already claimed by another runner"},
		{"held by the same", post("/runner/jobs/j1/claim", ""), 409, "already_claimed", "already claimed by another runner"},
		{"finished", post("/runner/jobs/done/claim", ""), 409, "not_pending", "submission is not pending"},
		{"handwritten", post("/runner/jobs/pdf/claim", ""), 409, "not_pending", "submission is not pending"},
		{"lease of nothing", post("/runner/jobs/j2/claim", `{"leaseSeconds":0}`), 400, "invalid_lease", bounds},
		{"lease too short", post("/runner/jobs/j2/claim", `{"leaseSeconds":29}`), 400, "invalid_lease", bounds},
		{"lease too long", post("/runner/jobs/j2/claim", `{"leaseSeconds":901}`), 400, "invalid_lease", bounds},
		{"lease below zero", post("/runner/jobs/j2/claim", `{"leaseSeconds":-5}`), 400, "invalid_lease", bounds},
		{"a language that is none", post("/runner/jobs/j2/claim", `{"languages":[2,64]}`), 400, "invalid_body", "invalid body: languages: want at most 64 numbers, 0 to 63"},
		{"lease that overflows", post("/runner/jobs/j2/claim", `{"leaseSeconds":2147483647}`), 400, "invalid_lease", bounds},
		{"lease beyond integers", post("/runner/jobs/j2/claim", `{"leaseSeconds":92233720368547758070}`), 400, "invalid_body", notInt},
		{"lease that is no integer", post("/runner/jobs/j2/claim", `{"leaseSeconds":60.5}`), 400, "invalid_body", notInt},
		{"lease that is a string", post("/runner/jobs/j2/claim", `{"leaseSeconds":"60"}`), 400, "invalid_body", notInt},
		{"bad lease of an unknown job", post("/runner/jobs/none/claim", `{"leaseSeconds":1}`), 400, "invalid_lease", bounds},
		{"inline that is a text", post("/runner/jobs/j2/claim", `{"inline":"yes"}`), 400, "invalid_body", "invalid body: inline: want true or false"},
		{"empty object", post("/runner/jobs/j2/claim", `{}`), 200, "", "job claimed"},
		{"null body", post("/runner/jobs/j3/claim", ` null `), 200, "", "job claimed"},
		{"null lease and unknown fields", post("/runner/jobs/j4/claim", `{"leaseSeconds":null,"LeaseSeconds":1,"x":[{}]}`), 200, "", "job claimed"},
		{"trailing slash", post("/runner/jobs/j5/claim/", `{"leaseSeconds":900}`), 200, "", "job claimed"},
	})
}

func TestDownloads(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	longToken := w.claimed("long")
	w.claimed("bare1")
	w.queued("waiting")
	tag := `"` + sum(testdata) + `"`

	for _, c := range []struct {
		job, route, name, token string
		bytes                   []byte
	}{{"long", "code", "long.zip", longToken, longZip}, {"j1", "testdata", "testdata-7.zip", token, testdata}} {
		t.Run(c.route, func(t *testing.T) {
			w := w.at(t)
			path := "/runner/jobs/" + c.job + "/" + c.route
			want := fmt.Sprintf(`{"data":{"url":"*","size":%d,"sha256":%q,"expiresIn":300},"message":"ok","status":"ok"}`, len(c.bytes), sum(c.bytes))
			redirect := w.must(302, get(path))
			same(t, redirect, want)
			if redirect.header.Get("Location") != redirect.data["url"] {
				t.Errorf("Location %q, url %q", redirect.header.Get("Location"), redirect.data["url"])
			}
			direct := w.must(200, get(path).with("Accept", "application/json"))
			same(t, direct, want)
			if direct.header.Get("Location") != "" {
				t.Error("200 with a Location")
			}
			for _, accept := range []string{"*/*", "application/json, */*", "application/json;q=1", "application/zip"} {
				w.must(302, get(path).with("Accept", accept))
			}
			w.must(302, get(path).with("X-Claim-Token", c.token))

			resp, err := http.Get(redirect.header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got := resp.Header.Get("Content-Disposition")
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/zip" || got != `attachment; filename="`+c.name+`"` {
				t.Errorf("followed: %d %q %q", resp.StatusCode, resp.Header.Get("Content-Type"), got)
			}
			w.check([]row{
				{"unknown job", get("/runner/jobs/none/" + c.route), 404, "not_found", "submission not found"},
				{"not claimed", get("/runner/jobs/waiting/" + c.route), 403, "not_claimed_by_runner", "not claimed by this runner"},
				{"claimed by another", get(path).by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
				{"wrong claim token", get(path).with("X-Claim-Token", "x"), 403, "invalid_submission_token", "invalid submission token"},
			})
		})
	}
	t.Run("short code", func(t *testing.T) {
		w := w.at(t)
		// As behind a redirect: an existing client cannot tell.
		for _, a := range []ask{
			get("/runner/jobs/j1/code"), get("/runner/jobs/j1/code").with("Accept", "*/*"), get("/runner/jobs/j1/code/").with("X-Claim-Token", token),
			get("/runner/jobs/j1/code").with("Accept", "application/json, */*"), get("/runner/jobs/j1/code").with("Accept", "application/zip"),
		} {
			file := w.must(200, a)
			if got := file.header; file.raw != string(zip) || got.Get("Content-Type") != "application/zip" || got.Get("Content-Disposition") != `attachment; filename="j1.zip"` || got.Get("Cache-Control") != "no-store" {
				t.Errorf("%d bytes, %v", len(file.raw), got)
			}
		}
		direct := w.must(200, get("/runner/jobs/j1/code").with("Accept", "application/json"))
		same(t, direct, fmt.Sprintf(`{"data":{"url":"*","size":%d,"sha256":%q,"expiresIn":300},"message":"ok","status":"ok"}`, len(zip), sum(zip)))
		resp, err := http.Get(direct.data["url"].(string))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != string(zip) {
			t.Errorf("followed: %d, %d bytes, error %v", resp.StatusCode, len(body), err)
		}
		w.check([]row{
			{"unknown job", get("/runner/jobs/none/code"), 404, "not_found", "submission not found"},
			{"claimed by another", get("/runner/jobs/j1/code").by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
		})
	})
	// No caller can make a job without code; one from elsewhere is answered anyway.
	bare := job.Job{ID: "codeless", Problem: 8, State: job.Claimed, Attempt: 1, Revision: 1, Claim: job.Claim{Runner: "runner-a", ProblemVersion: 1}}
	if _, _, err := w.store.Create(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	w.check([]row{{"no code", get("/runner/jobs/codeless/code"), 404, "code_not_found", "code not found"}})
	w.check([]row{{"no test data", get("/runner/jobs/bare1/testdata"), 404, "testdata_not_found", "testdata not found"}})
	for name, matches := range map[string]bool{
		tag: true, "W/" + tag: true, "*": true, `"x", ` + tag: true, `"x"`: false, sum(testdata): false, "": false,
	} {
		got := w.do(get("/runner/jobs/j1/testdata").with("If-None-Match", name))
		if (got.status == 304) != matches || got.header.Get("ETag") != tag || (matches && got.raw != "") {
			t.Errorf("If-None-Match %q: %d %q %q", name, got.status, got.header.Get("ETag"), got.raw)
		}
	}
	w.check([]row{{"tag of a job of another", get("/runner/jobs/j1/testdata").by("runner-b").with("If-None-Match", "*"), 403, "not_claimed_by_runner", "not claimed by this runner"}})
}

func TestHeartbeat(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	w.queued("waiting")
	w.claimed("stop")
	w.must(200, post("/jobs/stop/cancel", ""))
	beat := func(body string) ask { return post("/runner/heartbeat", body) }

	same(t, w.must(200, beat("")), `{"data":null,"message":"ok","status":"ok"}`)
	same(t, w.must(200, beat(`{"submissionId":"j1"}`)), `{"data":{"action":"continue"},"message":"heartbeat received","status":"ok"}`)
	same(t, w.must(200, beat(`{"submissionId":"stop"}`)), `{"data":{"action":"cancel"},"message":"heartbeat received","status":"ok"}`)
	w.check([]row{
		{"empty object", beat(`{}`), 200, "", "ok"},
		{"null id", beat(`{"submissionId":null}`), 200, "", "ok"},
		{"unknown fields", beat(`{"load":0.5}`), 200, "", "ok"},
		{"nobody", beat(`{}`).by("nobody"), 403, "invalid_runner_token", "invalid runner token"},
		{"unknown job", beat(`{"submissionId":"none"}`), 404, "not_found", "submission not found"},
		{"not claimed", beat(`{"submissionId":"waiting"}`), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"claimed by another", beat(`{"submissionId":"j1"}`).by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"claim token", beat(`{"submissionId":"j1"}`).with("X-Claim-Token", token), 200, "", "heartbeat received"},
		{"wrong claim token", beat(`{"submissionId":"j1"}`).with("X-Claim-Token", token+"x"), 403, "invalid_submission_token", "invalid submission token"},
		{"empty id", beat(`{"submissionId":""}`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"id with a slash", beat(`{"submissionId":"a/b"}`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"id that is a number", beat(`{"submissionId":7}`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"no declared type", ask{method: "POST", path: "/runner/heartbeat", body: `{"submissionId":"j1"}`, header: http.Header{"Content-Type": nil}}, 200, "", "heartbeat received"},
	})

	w.pass(500 * time.Second)
	w.must(200, beat(`{"submissionId":"j1"}`))
	holder := w.must(200, get("/jobs/j1")).data["holder"].(map[string]any)
	if got, want := holder["leaseExpiresAt"].(float64), float64(w.clock().UnixMilli()+600_000)/1000; got != want {
		t.Errorf("lease until %v, want %v", got, want)
	}
}

func TestCompleteJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	w.queued("waiting")
	stop := w.claimed("stop")
	w.must(200, post("/jobs/stop/cancel", ""))
	path := "/runner/jobs/j1/complete"
	result := func(tasks string) ask { return put(path, `{"token":"`+token+`","tasks":`+tasks+`}`) }
	with := func(outputs string) ask {
		return put(path, strings.Replace(result7(token, "AC"), "{", `{"outputs":`+outputs+`,`, 1))
	}
	const missing = "missing tasks or token"
	three := oneCase("AC", "1") + "," + oneCase("AC", "2")

	w.check([]row{
		{"no body", put(path, ""), 400, "missing_body", "missing JSON body"},
		{"blank body", put(path, " \n"), 400, "missing_body", "missing JSON body"},
		{"null", put(path, "null"), 400, "missing_body", "missing JSON body"},
		{"nothing in it", put(path, "{}"), 400, "missing_tasks_or_token", missing},
		{"no token", put(path, `{"tasks":[]}`), 400, "missing_tasks_or_token", missing},
		{"null token", put(path, `{"token":null,"tasks":[]}`), 400, "missing_tasks_or_token", missing},
		{"token in other letters", put(path, `{"Token":"x","tasks":[]}`), 400, "missing_tasks_or_token", missing},
		{"no tasks", put(path, `{"token":"x"}`), 400, "missing_tasks_or_token", missing},
		{"null tasks", put(path, `{"token":"x","tasks":null}`), 400, "missing_tasks_or_token", missing},
		{"token that is a number", put(path, `{"token":1,"tasks":[]}`), 400, "invalid_body", "invalid body: token: want a string"},
		{"no tasks of an unknown job", put("/runner/jobs/none/complete", `{"token":"x"}`), 400, "missing_tasks_or_token", missing},
		{"unknown job", put("/runner/jobs/none/complete", result7(token, "AC")), 404, "not_found", "submission not found"},
		{"not claimed", put("/runner/jobs/waiting/complete", result7(token, "AC")), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"empty token, not claimed", put("/runner/jobs/waiting/complete", result7("", "AC")), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"empty token", put(path, result7("", "AC")), 403, "invalid_submission_token", "invalid submission token"},
		{"claimed by another", put(path, result7(token, "AC")).by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"wrong token", put(path, result7("x", "AC")), 403, "invalid_submission_token", "invalid submission token"},
		{"wrong token before an illegal result", put(path, `{"token":"x","tasks":1}`), 403, "invalid_submission_token", "invalid submission token"},
		{"tasks that are no list", result(`{}`), 400, "invalid_result", "invalid result: tasks: want a list of tasks"},
		{"too few tasks", result(`[]`), 400, "invalid_result", "invalid result: tasks: want 2 tasks, got 0"},
		{"too few cases", result(`[[` + oneCase("AC", "") + `],[]]`), 400, "invalid_result", "invalid result: tasks[0]: want 2 cases, got 1"},
		{"unknown status", result(`[[` + three + `],[` + oneCase("OK", "") + `]]`), 400, "invalid_result", `invalid result: tasks[1][0].status: unknown status "OK"`},
		{"missing field", result(`[[` + three + `],[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":1}]]`), 400, "invalid_result", "invalid result: tasks[1][0].memoryUsage: missing"},
		{"outputs that are no object", with(`"x"`), 400, "invalid_body", "invalid body: outputs: want an object"},
		{"outputs without a size", with(`{"sha256":"` + sum(zip) + `"}`), 400, "invalid_body", "invalid body: outputs.size: missing"},
		{"outputs with a hash in capitals", with(`{"size":1,"sha256":"` + strings.Repeat("A", 64) + `"}`), 400, "invalid_body", "invalid body: outputs.sha256: want 64 lower-case hex digits"},
		{"cancel was asked", put("/runner/jobs/stop/complete", result7(stop, "AC")), 409, "job_cancelled", "submission is cancelled"},
		{"the token is still good", put(path, result7(token, "WA")), 200, "", "submission [j1] result received."},
		{"repeated", put(path, result7(token, "WA")), 200, "", "submission [j1] result received."},
		{"another result", put(path, result7(token, "AC")), 409, "result_conflict", "another result was accepted"},
		{"by another after the end", put(path, result7(token, "AC")).by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
	})
	same(t, w.must(200, put(path, result7(token, "WA"))), `{"data":null,"message":"submission [j1] result received.","status":"ok"}`)
	if state := w.must(200, get("/jobs/stop")).data["state"]; state != "cancelled" {
		t.Errorf("state %v after a result for a job whose cancel was asked", state)
	}
}

func TestUploadedOutputs(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	w.queued("waiting")
	path := "/runner/jobs/j1/outputs"
	outputs := []byte("PK outputs")
	body := func(token, sha string, size any) string {
		return fmt.Sprintf(`{"token":%q,"sha256":%q,"size":%v}`, token, sha, size)
	}
	w.check([]row{
		{"no body", post(path, ""), 400, "missing_body", "missing JSON body"},
		{"no token", post(path, `{}`), 400, "missing_token", "missing token"},
		{"empty token", post(path, body("", sum(outputs), 1)), 400, "missing_token", "missing token"},
		{"no hash", post(path, `{"token":"x","size":1}`), 400, "invalid_body", "invalid body: sha256: want 64 lower-case hex digits"},
		{"no size", post(path, `{"token":"x","sha256":"`+sum(outputs)+`"}`), 400, "invalid_body", "invalid body: size: missing"},
		{"size of nothing", post(path, body("x", sum(outputs), 0)), 400, "invalid_body", "invalid body: size: want an integer, 1 to 9223372036854775807"},
		{"unknown job", post("/runner/jobs/none/outputs", body(token, sum(outputs), 1)), 404, "not_found", "submission not found"},
		{"not claimed", post("/runner/jobs/waiting/outputs", body(token, sum(outputs), 1)), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"wrong token", post(path, body("x", sum(outputs), 1)), 403, "invalid_submission_token", "invalid submission token"},
		{"too large", post(path, body(token, sum(outputs), 256<<20+1)), 400, "outputs_too_large", "outputs too large: want at most 268435456 bytes"},
	})
	granted := w.must(200, post(path, body(token, sum(outputs), len(outputs))))
	same(t, granted, `{"data":{"upload":{"url":"*","method":"PUT","headers":"*","expiresIn":900}},"message":"ok","status":"ok"}`)
	w.upload(granted.data["upload"], outputs)

	complete := func(size int) ask {
		return put("/runner/jobs/j1/complete", strings.Replace(result7(token, "AC"), "{", fmt.Sprintf(`{"outputs":{"size":%d,"sha256":%q},`, size, sum(outputs)), 1))
	}
	w.check([]row{
		{"another size than uploaded", complete(1), 400, "outputs_mismatch", "uploaded outputs have another size or hash"},
		{"as uploaded", complete(len(outputs)), 200, "", "submission [j1] result received."},
	})
	if got := w.must(200, get("/jobs/j1")).data["outputs"]; got != "stored" {
		t.Errorf("outputs %v", got)
	}
	same(t, w.must(200, get("/jobs/j1/outputs")), `{"data":{"url":"*","expiresIn":300},"message":"ok","status":"ok"}`)

	// Any number of URLs of one attempt lead to sixteen objects at most, the first
	// upload to one stays, and a verdict does not wait for another that did not fit.
	many := w.claimed("j3")
	keys, byDigit := map[string]bool{}, map[byte][]byte{}
	for i := 0; len(byDigit) < 16 || i < 100; i++ {
		zipped := fmt.Appendf(nil, "PK %d", i)
		offer := w.must(200, post("/runner/jobs/j3/outputs", body(many, sum(zipped), len(zipped)))).data["upload"].(map[string]any)
		key, _, _ := strings.Cut(offer["url"].(string), "?")
		if keys[key] {
			continue
		}
		keys[key], byDigit[sum(zipped)[0]] = true, zipped
		w.upload(offer, zipped)
	}
	if len(keys) != 16 {
		t.Errorf("an attempt may put %d objects, want 16", len(keys))
	}
	late := []byte("PK late")
	for byDigit[sum(late)[0]] == nil || bytes.Equal(byDigit[sum(late)[0]], late) {
		late = append(late, '.')
	}
	w.must(200, put("/runner/jobs/j3/complete", strings.Replace(result7(many, "AC"), "{", `{"outputs":`+artifact(late)+`,`, 1)))
	if got := w.must(200, get("/jobs/j3")).data["outputs"]; got != "missing" {
		t.Errorf("outputs %v where the attempt had put others", got)
	}

	// An upload by a URL that an earlier version signed is found.
	old := w.claimed("j4")
	if err := w.blobs.Put(t.Context(), "results/j4/0/1/"+sum(outputs)+".zip", outputs, job.Artifact{Size: int64(len(outputs)), SHA256: sum(outputs)}); err != nil {
		t.Fatal(err)
	}
	w.must(200, put("/runner/jobs/j4/complete", strings.Replace(result7(old, "AC"), "{", `{"outputs":`+artifact(outputs)+`,`, 1)))
	if got := w.must(200, get("/jobs/j4")).data["outputs"]; got != "stored" {
		t.Errorf("outputs %v of an upload to the key of an earlier version", got)
	}

	lost := w.claimed("j2")
	w.must(200, put("/runner/jobs/j2/complete", strings.Replace(result7(lost, "AC"), "{", `{"outputs":`+artifact(outputs)+`,`, 1)))
	if got := w.must(200, get("/jobs/j2")).data["outputs"]; got != "missing" {
		t.Errorf("outputs %v that were never uploaded", got)
	}
}

func TestReleaseJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	w.queued("waiting")
	path := "/runner/jobs/j1/release"
	body := func(token, reason string) string { return fmt.Sprintf(`{"token":%q,"reason":%q}`, token, reason) }
	const legal = "invalid reason: want one of drain, preempted, infra_error, cancelled"
	w.check([]row{
		{"no body", post(path, ""), 400, "missing_body", "missing JSON body"},
		{"no token", post(path, `{"reason":"drain"}`), 400, "missing_token", "missing token"},
		{"token that is a list", post(path, `{"token":[],"reason":"drain"}`), 400, "invalid_body", "invalid body: token: want a string"},
		{"no reason", post(path, `{"token":"x"}`), 400, "invalid_reason", legal},
		{"another reason", post(path, body(token, "tired")), 400, "invalid_reason", legal},
		{"detail too long", post(path, `{"token":"x","reason":"drain","detail":"`+strings.Repeat("ä", 301)+`"}`), 400, "invalid_body", "invalid body: detail: want at most 300 characters, got 301"},
		{"detail just not too long", post(path, `{"token":"x","reason":"drain","detail":"`+strings.Repeat("ä", 300)+`"}`), 403, "invalid_submission_token", "invalid submission token"},
		{"unknown job", post("/runner/jobs/none/release", body(token, "drain")), 404, "not_found", "submission not found"},
		{"not claimed", post("/runner/jobs/waiting/release", body(token, "drain")), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"claimed by another", post(path, body(token, "drain")).by("runner-b"), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"wrong token", post(path, body("x", "drain")), 403, "invalid_submission_token", "invalid submission token"},
		{"released", post(path, body(token, "preempted")), 200, "", "job released"},
		{"repeated", post(path, body(token, "preempted")), 200, "", "job released"},
	})
	if got := w.must(200, get("/jobs/j1")).data; got["state"] != "queued" || got["failures"] != 0.0 {
		t.Errorf("released as %v with %v failures", got["state"], got["failures"])
	}
	again := w.claim("j1", "runner-b")
	same(t, w.must(200, post(path, body(again, "infra_error")).by("runner-b")), `{"data":null,"message":"job released","status":"ok"}`)
}

// TestLateRunner walks through a lease that has expired: late is not lost.
func TestLateRunner(t *testing.T) {
	w := newWorld(t)
	w.problems()
	first := w.claimed("j1")
	w.pass(601 * time.Second)
	if holder := w.must(200, get("/jobs/j1")).data["holder"].(map[string]any); holder["expired"] != true {
		t.Errorf("holder %v", holder)
	}
	if jobs := w.must(200, get("/runner/jobs")).data["jobs"].([]any); len(jobs) != 1 {
		t.Errorf("%d jobs listed after the lease", len(jobs))
	}
	w.must(200, post("/runner/heartbeat", `{"submissionId":"j1"}`))
	w.pass(601 * time.Second)
	second := w.claim("j1", "runner-b")
	w.check([]row{
		{"heartbeat of the first", post("/runner/heartbeat", `{"submissionId":"j1"}`), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"result of the first", put("/runner/jobs/j1/complete", result7(first, "AC")), 403, "not_claimed_by_runner", "not claimed by this runner"},
		{"result of the second", put("/runner/jobs/j1/complete", result7(second, "WA")).by("runner-b"), 200, "", "submission [j1] result received."},
	})
	got := w.must(200, get("/jobs/j1")).data
	late, _ := got["attempts"].([]any)[0].(map[string]any)["late"].(map[string]any)
	if got["disputed"] != true || late["score"] != 100.0 || got["score"] != 40.0 || got["failures"] != 1.0 {
		t.Errorf("late %v, job %v", late, got)
	}
}

func TestRunnerNames(t *testing.T) {
	w := newWorld(t)
	list := func(token, name string) ask { return get("/runner/jobs").by(token).with("X-Runner-Name", name) }
	const missing = "missing runner name"
	const illFormed = missing + ": X-Runner-Name is ill-formed: " + auth.NameRule
	w.check([]row{
		{"bound, left out", get("/runner/jobs"), 200, "", "ok"},
		{"bound, said", list("runner-a", "runner-a"), 200, "", "ok"},
		{"bound, another", list("runner-a", "runner-b"), 403, "runner_name_mismatch", "runner token belongs to another runner name"},
		{"bound, ill-formed", list("runner-a", "runner a"), 400, "missing_runner_name", illFormed},
		{"fleet, said", list("fleet", "any.name_1-x"), 200, "", "ok"},
		{"fleet, left out", get("/runner/jobs").by("fleet"), 400, "missing_runner_name", missing},
		{"fleet, too long", list("fleet", strings.Repeat("x", 65)), 400, "missing_runner_name", illFormed},
		{"fleet, ill-formed", list("fleet", "a/b"), 400, "missing_runner_name", illFormed},
		{"query parameter", get("/runner/jobs?X-Runner-Token=" + w.tokens["runner-a"]).by("nobody"), 403, "invalid_runner_token", "invalid runner token"},
		{"mistyped", get("/runner/jobs").with("X-Runner-Token", w.tokens["runner-a"]+"x"), 403, "invalid_runner_token", "invalid runner token"},
		{"of a producer", get("/runner/jobs").by("producer"), 403, "invalid_runner_token", "invalid runner token"},
		{"runner's on a producer route", get("/jobs/j1").by("runner-a"), 401, "invalid_producer_token", "invalid token"},
		{"not a bearer", get("/jobs/j1").with("Authorization", "Basic "+w.tokens["producer"]), 401, "invalid_producer_token", "invalid token"},
		{"scheme in other letters", get("/jobs/j1").with("Authorization", "bearer "+w.tokens["producer"]), 404, "not_found", "submission not found"},
	})
	if got := w.do(get("/jobs/j1").by("nobody")).header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}
