package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"runlease/shared/testkit/zips"
)

// TestWholePath takes a job with test data through all its routes.
func TestWholePath(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := freshProblem()
	path := fmt.Sprintf("/problems/%d", problem)
	testdata := zips.Of(zips.File{Name: "README", Text: fresh("zip")}, zips.File{Name: "0000.in"}, zips.File{Name: "0000.out"})
	draft := map[string]any{"tasks": oneTask, "testdata": map[string]any{"size": len(testdata), "sha256": sum(testdata)}}

	c.want(404, "problem_not_found", request{"GET", path, nil, producer()})
	c.want(404, "problem_not_found", request{"POST", path + "/publish", nil, producer()})
	drafted := c.want(201, "", request{"PUT", path, draft, producer()})
	c.want(409, "upload_missing", request{"POST", path + "/publish", nil, producer()})
	if got := c.send(drafted.Data["upload"], append(testdata[:1:1], testdata[1:]...)[:len(testdata)-1]); got < 400 {
		t.Errorf("an upload of another size was taken: %d", got)
	}
	if got := c.send(drafted.Data["upload"], bytes.ToLower(testdata)); got < 400 {
		t.Errorf("an upload of other bytes was taken: %d", got)
	}
	if got := c.send(drafted.Data["upload"], testdata); got != 200 {
		t.Fatalf("upload: %d", got)
	}
	if got := c.send(drafted.Data["upload"], testdata); got != 412 {
		t.Errorf("the same upload again: %d", got)
	}
	c.want(200, "", request{"PUT", path, draft, producer()})
	if got := c.want(200, "", request{"POST", path + "/publish", nil, producer()}); got.Data["version"] != 1.0 || got.Data["changed"] != true {
		t.Errorf("published %v", got.Data)
	}
	if got := c.want(200, "", request{"POST", path + "/publish", nil, producer()}); got.Data["changed"] != false {
		t.Errorf("published again %v", got.Data)
	}
	version := c.want(200, "", request{"GET", path + "?version=1", nil, producer()})
	if status, got := c.fetch(version.Data["testdata"].(map[string]any)["url"].(string)); status != 200 || !bytes.Equal(got, testdata) {
		t.Errorf("test data of version 1: %d, %d bytes", status, len(got))
	}
	if got := c.want(200, "", request{"GET", path, nil, producer()}); got.Data["version"] != 1.0 {
		t.Errorf("problem %v", got.Data)
	}

	c.want(200, "", request{"GET", "/problems?limit=1", nil, producer()})
	listed := c.want(200, "", request{"GET", fmt.Sprintf("/problems?limit=1&after=%d", problem-1), nil, producer()})
	if !reflect.DeepEqual(listed.Data["problems"], []any{map[string]any{"problemId": float64(problem), "version": 1.0}}) {
		t.Errorf("listed %v", listed.Data)
	}
	if got := c.want(200, "", request{"GET", path + "/versions", nil, producer()}); len(got.Data["versions"].([]any)) != 1 {
		t.Errorf("versions %v", got.Data)
	}

	// A job whose code is uploaded.
	id := fresh("job")
	code := zips.Code(id)
	job := map[string]any{"submissionId": id, "problemId": problem, "language": 1, "code": map[string]any{"size": len(code), "sha256": sum(code)}}
	created := c.want(201, "", request{"POST", "/jobs", job, producer()})
	if created.Data["state"] != "created" || created.Data["status"] != -2.0 {
		t.Errorf("created %v", created.Data)
	}
	c.want(409, "upload_missing", request{"POST", "/jobs/" + id + "/submit", nil, producer()})
	if got := c.send(created.Data["upload"], code); got != 200 {
		t.Fatalf("upload: %d", got)
	}
	for range 2 {
		if got := c.want(200, "", request{"POST", "/jobs/" + id + "/submit", nil, producer()}); got.Data["state"] != "queued" {
			t.Errorf("submitted %v", got.Data)
		}
	}
	c.want(200, "", request{"POST", "/jobs", job, producer()})
	job["language"] = 0
	c.want(409, "job_conflict", request{"POST", "/jobs", job, producer()})

	// A runner takes it.
	c.want(403, "not_claimed_by_runner", request{"GET", "/runner/jobs/" + id + "/code", nil, as("one")})
	claim := c.want(200, "", request{"POST", "/runner/jobs/" + id + "/claim", map[string]any{"leaseSeconds": 60}, as("one")})
	token := claim.Data["token"].(string)
	if claim.Data["attempt"] != 1.0 || claim.Data["leaseSeconds"] != 60.0 || claim.Message != "job claimed" {
		t.Errorf("claimed %v", claim.Data)
	}
	for kind, want := range map[string][]byte{"code": code, "testdata": testdata} {
		download := claim.Data[kind].(map[string]any)
		if status, got := c.fetch(download["url"].(string)); status != 200 || !bytes.Equal(got, want) {
			t.Errorf("%s by the claim's URL: %d %q", kind, status, got)
		}
		// LocalStack adds "Accept: application/json" to a request without the header.
		moved := c.want(302, "", request{"GET", "/runner/jobs/" + id + "/" + kind, nil, as("one", "Accept", "*/*")})
		if status, got := c.fetch(moved.Header.Get("Location")); status != 200 || !bytes.Equal(got, want) {
			t.Errorf("%s by redirect: %d %q", kind, status, got)
		}
		plain := c.want(200, "", request{"GET", "/runner/jobs/" + id + "/" + kind, nil, as("one", "Accept", "application/json")})
		if plain.Data["sha256"] != sum(want) {
			t.Errorf("%s as JSON: %v", kind, plain.Data)
		}
		c.want(403, "invalid_submission_token", request{"GET", "/runner/jobs/" + id + "/" + kind, nil, as("one", "X-Claim-Token", "rlc_other")})
		c.want(403, "not_claimed_by_runner", request{"GET", "/runner/jobs/" + id + "/" + kind, nil, as("two")})
	}
	tag := c.want(302, "", request{"GET", "/runner/jobs/" + id + "/testdata", nil, as("one", "Accept", "*/*")}).Header.Get("ETag")
	c.want(304, "", request{"GET", "/runner/jobs/" + id + "/testdata", nil, as("one", "If-None-Match", tag)})

	beat := c.want(200, "", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": id}, as("one")})
	if beat.Data["action"] != "continue" || beat.Message != "heartbeat received" {
		t.Errorf("heartbeat %v", beat)
	}
	c.want(200, "", request{"POST", "/runner/heartbeat", nil, as("one")})

	// Outputs by the outputs route, then the result.
	outputs := zipped(t, map[string]string{"0000.stdout": "big", "0000.stderr": ""})
	announced := map[string]any{"sha256": sum(outputs), "size": len(outputs)}
	upload := c.want(200, "", request{"POST", "/runner/jobs/" + id + "/outputs", map[string]any{"token": token, "sha256": sum(outputs), "size": len(outputs)}, as("one")})
	if got := c.send(upload.Data["upload"], outputs); got != 200 {
		t.Fatalf("upload of outputs: %d", got)
	}
	done := result(token, "AC")
	done["outputs"] = map[string]any{"sha256": sum(outputs), "size": len(outputs) + 1}
	c.want(400, "outputs_mismatch", request{"PUT", "/runner/jobs/" + id + "/complete", done, as("one")})
	done["outputs"] = announced
	for range 2 {
		got := c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", done, as("one")})
		if want := "submission [" + id + "] result received."; got.Message != want {
			t.Errorf("message %q, want %q", got.Message, want)
		}
	}
	done["tasks"] = result(token, "WA")["tasks"]
	c.want(409, "result_conflict", request{"PUT", "/runner/jobs/" + id + "/complete", done, as("one")})

	// The backend reads it.
	verdict := c.job(id)
	if verdict["state"] != "finished" || verdict["status"] != 0.0 || verdict["score"] != 100.0 || verdict["outputs"] != "stored" {
		t.Errorf("verdict %v", verdict)
	}
	if feed := c.want(200, "", request{"GET", "/verdicts?limit=1", nil, producer()}); feed.Data["next"] == nil {
		t.Errorf("feed %v", feed.Data)
	}
	link := c.want(200, "", request{"GET", "/jobs/" + id + "/outputs", nil, producer()})
	if status, got := c.fetch(link.Data["url"].(string)); status != 200 || !bytes.Equal(got, outputs) {
		t.Errorf("outputs: %d, %d bytes", status, len(got))
	}
	query := c.want(200, "", request{"POST", "/jobs/query", map[string]any{"ids": []string{id, "nobody"}}, producer()})
	if fmt.Sprint(query.Data["missing"]) != "[nobody]" || len(query.Data["jobs"].([]any)) != 1 {
		t.Errorf("query %v", query.Data)
	}
	c.want(409, "job_finished", request{"POST", "/jobs/" + id + "/cancel", nil, producer()})
	c.want(409, "generation_conflict", request{"POST", "/jobs/" + id + "/rejudge", map[string]any{"generation": 5}, producer()})
	for range 2 {
		again := c.want(200, "", request{"POST", "/jobs/" + id + "/rejudge", map[string]any{"generation": 0}, producer()})
		if again.Data["generation"] != 1.0 || again.Data["state"] != "queued" {
			t.Errorf("rejudged %v", again.Data)
		}
	}
	c.want(200, "", request{"POST", "/jobs/" + id + "/cancel", nil, producer()})
	c.want(409, "not_pending", request{"POST", "/runner/jobs/" + id + "/claim", nil, as("one")})
}

// TestJobCalledQuery: a gateway has a route of that name, and a job may be called so.
func TestJobCalledQuery(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem, code := c.published(), zips.Code("query")
	job := map[string]any{"submissionId": "query", "problemId": problem, "language": 1, "code": map[string]any{"size": len(code), "sha256": sum(code)}}
	c.want(201, "", request{"POST", "/jobs", job, producer()})
	if got := c.job("query"); got["submissionId"] != "query" || got["problemId"] != float64(problem) {
		t.Errorf("job %v", got)
	}
	found := c.want(200, "", request{"POST", "/jobs/query", map[string]any{"ids": []string{"query"}}, producer()})
	if len(found.Data["jobs"].([]any)) != 1 {
		t.Errorf("query %v", found.Data)
	}
	c.want(200, "", request{"POST", "/jobs/query/cancel", nil, producer()})
	c.want(200, "", request{"DELETE", "/jobs/query", nil, producer()})
	c.want(404, "not_found", request{"GET", "/jobs/query", nil, producer()})
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestInlineOutputs reads back outputs that came in the result: a few bytes,
// which stay with the verdict, and more than fit there.
func TestInlineOutputs(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := c.published()
	large := ""
	for range 200 {
		large += rand.Text() + "\n"
	}
	for name, stdout := range map[string]string{"small": "out", "large": large} {
		id := c.queued(problem)
		c.want(404, "outputs_not_found", request{"GET", "/jobs/" + id + "/outputs", nil, producer()})
		token := c.claimed(id, "one")
		c.want(404, "testdata_not_found", request{"GET", "/runner/jobs/" + id + "/testdata", nil, as("one")})
		done := result(token, "WA")
		done["tasks"].([][]map[string]any)[0][0]["stdout"] = stdout
		c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", done, as("one")})
		if j := c.job(id); j["outputs"] != "stored" {
			t.Errorf("%s: outputs %v", name, j["outputs"])
		}
		alone := c.want(200, "", request{"GET", "/jobs/" + id + "/outputs?task=0&case=0", nil, producer()})
		if alone.Data["stdout"] != stdout || alone.Data["stdoutCut"] != false {
			t.Errorf("%s: one case: %v", name, alone.Data)
		}
		for range 2 {
			link := c.want(200, "", request{"GET", "/jobs/" + id + "/outputs", nil, producer()})
			_, body := c.fetch(link.Data["url"].(string))
			z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
			if err != nil || len(z.File) != 2 || z.File[0].Name != "0000.stdout" || z.File[1].Name != "0000.stderr" {
				t.Fatalf("%s: outputs %v, %v", name, z, err)
			}
			f, err := z.File[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || string(got) != stdout {
				t.Errorf("%s: %d bytes of stdout, error %v; want %d", name, len(got), err, len(stdout))
			}
		}
	}
}

// TestRefusals asks every route for what it refuses beyond TestWholePath.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := c.published()
	id := c.queued(problem)
	on := "/runner/jobs/" + id
	// Longer than all that follows takes on an emulator of a busy machine.
	token := c.want(200, "", request{"POST", on + "/claim", map[string]any{"leaseSeconds": 600}, as("one")}).Data["token"].(string)

	runner := []request{
		{"GET", "/runner/jobs", nil, nil},
		{"POST", on + "/claim", nil, nil},
		{"GET", on + "/code", nil, nil},
		{"GET", on + "/testdata", nil, nil},
		{"POST", "/runner/heartbeat", nil, nil},
		{"PUT", on + "/complete", nil, nil},
		{"POST", on + "/outputs", nil, nil},
		{"POST", on + "/release", nil, nil},
		{"POST", "/runner/sync", nil, nil},
	}
	for _, r := range runner {
		r.header = map[string]string{"X-Runner-Name": "one"}
		c.want(403, "invalid_runner_token", r)
		r.header = map[string]string{"X-Runner-Name": "one", "X-Runner-Token": at.ProducerToken}
		c.want(403, "invalid_runner_token", r)
		r.header = as("")
		c.want(400, "missing_runner_name", r)
	}
	for _, r := range []request{
		{"PUT", "/problems/1", nil, nil},
		{"POST", "/problems/1/publish", nil, nil},
		{"GET", "/problems/1", nil, nil},
		{"POST", "/jobs", nil, nil},
		{"POST", "/jobs/" + id + "/submit", nil, nil},
		{"GET", "/jobs/" + id, nil, nil},
		{"POST", "/jobs/query", nil, nil},
		{"GET", "/jobs/" + id + "/outputs", nil, nil},
		{"POST", "/jobs/" + id + "/rejudge", nil, nil},
		{"POST", "/jobs/" + id + "/cancel", nil, nil},
	} {
		c.want(401, "invalid_producer_token", r)
		r.header = map[string]string{"Authorization": "Bearer " + at.RunnerToken}
		c.want(401, "invalid_producer_token", r)
	}

	for name, r := range map[string]struct {
		status int
		code   string
		request
	}{
		"pools":             {400, "invalid_pools", request{"GET", "/runner/jobs?pools=No", nil, as("one")}},
		"limit":             {400, "invalid_limit", request{"GET", "/runner/jobs?limit=11", nil, as("one")}},
		"languages":         {400, "invalid_languages", request{"GET", "/runner/jobs?languages=C", nil, as("one")}},
		"malformed id":      {400, "malformed_id", request{"POST", "/runner/jobs/a.b/claim", nil, as("one")}},
		"unknown job":       {404, "not_found", request{"POST", "/runner/jobs/nobody/claim", nil, as("one")}},
		"claimed":           {409, "already_claimed", request{"POST", on + "/claim", nil, as("two")}},
		"lease":             {400, "invalid_lease", request{"POST", on + "/claim", map[string]any{"leaseSeconds": 901}, as("two")}},
		"no JSON":           {400, "malformed_json", request{"POST", on + "/claim", "{", as("two")}},
		"content type":      {415, "unsupported_media_type", request{"POST", on + "/claim", "{}", as("two", "Content-Type", "text/plain")}},
		"large body":        {413, "body_too_large", request{"POST", on + "/claim", `{"x":"` + strings.Repeat("x", 5000) + `"}`, as("two")}},
		"unknown code":      {404, "not_found", request{"GET", "/runner/jobs/nobody/code", nil, as("one")}},
		"unknown testdata":  {404, "not_found", request{"GET", "/runner/jobs/nobody/testdata", nil, as("one")}},
		"foreign heartbeat": {403, "not_claimed_by_runner", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": id}, as("two")}},
		"unknown heartbeat": {404, "not_found", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": "nobody"}, as("two")}},
		"missing body":      {400, "missing_body", request{"PUT", on + "/complete", nil, as("one")}},
		"missing tasks":     {400, "missing_tasks_or_token", request{"PUT", on + "/complete", map[string]any{"token": token}, as("one")}},
		"unknown complete":  {404, "not_found", request{"PUT", "/runner/jobs/nobody/complete", result(token, "AC"), as("one")}},
		"foreign complete":  {403, "not_claimed_by_runner", request{"PUT", on + "/complete", result(token, "AC"), as("two")}},
		"wrong token":       {403, "invalid_submission_token", request{"PUT", on + "/complete", result("rlc_other", "AC"), as("one")}},
		"invalid result":    {400, "invalid_result", request{"PUT", on + "/complete", result(token, "OK"), as("one")}},
		"foreign outputs":   {403, "not_claimed_by_runner", request{"POST", on + "/outputs", map[string]any{"token": token, "sha256": sum(nil), "size": 1}, as("two")}},
		"bad outputs":       {400, "invalid_body", request{"POST", on + "/outputs", map[string]any{"token": token, "sha256": "x", "size": 1}, as("one")}},
		"large outputs":     {400, "outputs_too_large", request{"POST", on + "/outputs", map[string]any{"token": token, "sha256": sum(nil), "size": 1 << 40}, as("one")}},
		"missing token":     {400, "missing_token", request{"POST", on + "/release", map[string]any{"reason": "drain"}, as("one")}},
		"foreign release":   {403, "not_claimed_by_runner", request{"POST", on + "/release", map[string]any{"token": token, "reason": "drain"}, as("two")}},
		"bad reason":        {400, "invalid_reason", request{"POST", on + "/release", map[string]any{"token": token, "reason": "bored"}, as("one")}},
		"sync of nothing":   {400, "missing_body", request{"POST", "/runner/sync", nil, as("one")}},
		"too many slots":    {400, "invalid_body", request{"POST", "/runner/sync", map[string]any{"slots": 11}, as("one")}},
		"too many results":  {400, "invalid_body", request{"POST", "/runner/sync", map[string]any{"slots": 1, "done": make([]any, 11)}, as("one")}},
		"lease of a sync":   {400, "invalid_lease", request{"POST", "/runner/sync", map[string]any{"slots": 1, "leaseSeconds": 901}, as("one")}},
		"bad problem":       {400, "invalid_body", request{"PUT", "/problems/7", map[string]any{"tasks": []any{}}, producer()}},
		"bad problem id":    {400, "malformed_id", request{"GET", "/problems/0", nil, producer()}},
		"unknown problem":   {404, "problem_not_found", request{"POST", "/jobs", inline("x", freshProblem()), producer()}},
		"bad job id":        {400, "malformed_id", request{"POST", "/jobs", inline("a b", problem), producer()}},
		"unknown submit":    {404, "not_found", request{"POST", "/jobs/nobody/submit", nil, producer()}},
		"unknown job read":  {404, "not_found", request{"GET", "/jobs/nobody", nil, producer()}},
		"too many ids":      {400, "invalid_body", request{"POST", "/jobs/query", map[string]any{"ids": make([]string, 101)}, producer()}},
		"unknown outputs":   {404, "not_found", request{"GET", "/jobs/nobody/outputs", nil, producer()}},
		"version of none":   {404, "version_not_found", request{"GET", "/problems/2147483647?version=1", nil, producer()}},
		"bad cursor":        {400, "invalid_cursor", request{"GET", "/problems?after=first", nil, producer()}},
		"bad version":       {400, "invalid_version", request{"GET", "/problems/1?version=0", nil, producer()}},
		"case of no task":   {400, "invalid_case", request{"GET", "/jobs/nobody/outputs?case=0", nil, producer()}},
		"unknown rejudge":   {404, "not_found", request{"POST", "/jobs/nobody/rejudge", map[string]any{"generation": 0}, producer()}},
		"unknown cancel":    {404, "not_found", request{"POST", "/jobs/nobody/cancel", nil, producer()}},
	} {
		t.Run(name, func(t *testing.T) { newClient(t).want(r.status, r.code, r.request) })
	}
	// The claim token is good anyway.
	c.want(200, "", request{"PUT", on + "/complete", result(token, "AC"), as("one")})
}
