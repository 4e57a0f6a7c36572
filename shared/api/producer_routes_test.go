package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/testkit/zips"
)

func TestPutProblem(t *testing.T) {
	w := newWorld(t)
	draft := `{"tasks":` + tasks7 + `,"testdata":` + artifact(testdata) + `}`
	stored := `{"data":{"problemId":7,"version":0,"tasks":[],"testdata":null,"draft":{"tasks":` + tasks7 + `,"testdata":` + artifact(testdata) +
		`},"upload":{"url":"*","method":"PUT","headers":"*","expiresIn":900}},"message":"draft stored","status":"ok"}`
	same(t, w.must(201, put("/problems/7", draft)), stored)
	same(t, w.must(200, put("/problems/7", draft)), stored)
	same(t, w.must(201, put("/problems/2147483647", `{"tasks":`+tasks8+`,"testdata":null}`)),
		`{"data":{"problemId":2147483647,"version":0,"tasks":[],"testdata":null,"draft":{"tasks":`+tasks8+`,"testdata":null},"upload":null},"message":"draft stored","status":"ok"}`)

	task := func(score, cases, memory, limit any) string {
		return fmt.Sprintf(`{"taskScore":%v,"caseCount":%v,"memoryLimit":%v,"timeLimit":%v}`, score, cases, memory, limit)
	}
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	refused := func(name, tasks, why string) row {
		return row{name, put("/problems/9", `{"tasks":`+tasks+`}`), 400, "invalid_body", "invalid body: " + why}
	}
	const integer = "want an integer"
	w.check([]row{
		{"no body", put("/problems/9", ""), 400, "missing_body", "missing JSON body"},
		{"test data by another name", put("/problems/9", `{"tasks":`+tasks8+`,"testData":null}`), 400, "invalid_body", "invalid body: testData: unknown field: known are tasks, testdata, outputLimit, compile, stopOnFailure, checker, pool"},
		refused("an unknown field", `[{"taskscore":100,"caseCount":1,"memoryLimit":1,"timeLimit":1}]`, "tasks[0].taskscore: unknown field: known are taskScore, caseCount, memoryLimit, timeLimit"),
		{"no tasks", put("/problems/9", "{}"), 400, "invalid_body", "invalid body: tasks: want a list of tasks"},
		refused("tasks that are no list", `{}`, "tasks: want a list of tasks"),
		refused("an empty list", `[]`, "tasks: want 1 to 100 tasks"),
		refused("101 tasks", "["+many(101, task(0, 1, 1, 1))+"]", "tasks: want 1 to 100 tasks"),
		refused("a task that is no object", `[1]`, "tasks[0]: want an object"),
		refused("a null task", `[null]`, "tasks[0]: want an object"),
		refused("a missing field", `[{"taskScore":100,"caseCount":1,"memoryLimit":1}]`, "tasks[0].timeLimit: missing"),
		refused("a field that is a string", "["+task(100, 1, 1, `"1"`)+"]", "tasks[0].timeLimit: "+integer),
		refused("an integer far beyond its bounds", "["+task(100, 1<<40, 1, 1)+"]", "tasks[0].caseCount: want 1 to 100"),
		refused("no case", "["+task(50, 1, 1, 1)+","+task(50, 0, 1, 1)+"]", "tasks[1].caseCount: want 1 to 100"),
		refused("a score below zero", "["+task(-1, 1, 1, 1)+"]", "tasks[0].taskScore: want 0 to 100"),
		refused("scores that sum to 99", "["+task(99, 1, 1, 1)+"]", "tasks: scores sum to 99, want 100"),
		refused("1001 cases", "["+task(100, 1, 1, 1)+","+many(10, task(0, 100, 1, 1))+"]", "tasks: want at most 1000 cases in all"),
		{"test data without a hash", put("/problems/9", `{"tasks":`+tasks8+`,"testdata":{"size":1}}`), 400, "invalid_body", "invalid body: testdata.sha256: want 64 lower-case hex digits"},
		{"test data beyond 1 GiB", put("/problems/9", fmt.Sprintf(`{"tasks":%s,"testdata":{"size":%d,"sha256":%q}}`, tasks8, 1<<30+1, sum(zip))), 400, "invalid_body", "invalid body: testdata.size: want an integer, 1 to 1073741824"},
		{"nothing was stored", get("/problems/9"), 404, "problem_not_found", "problem not found"},
	})
	for _, id := range []string{"0", "-1", "07", "+7", "7.0", "x", "2147483648", "7%2F8"} {
		w.check([]row{{"id " + id, put("/problems/"+id, draft), 400, "malformed_id", "malformed id: want an integer, 1 to 2147483647"}})
	}
	w.check([]row{
		{"id of a get", get("/problems/x"), 400, "malformed_id", "malformed id: want an integer, 1 to 2147483647"},
		{"id of a publish", post("/problems/x/publish", ""), 400, "malformed_id", "malformed id: want an integer, 1 to 2147483647"},
		{"scope", put("/problems/9", draft).by("reader"), 403, "missing_scope", "token has no such scope: problems:write"},
	})
}

// How a problem is judged goes from the producer to the runner, and only to one
// that knows of checkers.
func TestRulesOfAProblem(t *testing.T) {
	w := newWorld(t)
	rules := func(text string) ask { return put("/problems/8", `{"tasks":`+tasks8+`,`+text+`}`) }
	refused := func(name, text, message string) row {
		return row{name, rules(text), 400, "invalid_body", "invalid body: " + message}
	}
	w.check([]row{
		refused("no output", `"outputLimit":0`, "outputLimit: want 1 to 262144"),
		refused("too much output", `"outputLimit":262145`, "outputLimit: want 1 to 262144"),
		refused("a compiler without time", `"compile":{"timeLimit":999}`, "compile.timeLimit: want 1000 to 120000"),
		refused("a compiler with too much memory", `"compile":{"memoryLimit":4194305}`, "compile.memoryLimit: want 65536 to 4194304"),
		refused("an unknown limit of the compiler", `"compile":{"time":1}`, "compile.time: unknown field: known are timeLimit, memoryLimit"),
		refused("a word for true", `"stopOnFailure":"yes"`, "stopOnFailure: want true or false"),
		refused("an unknown checker", `"checker":{"kind":"words"}`, "checker.kind: want lines, exact, tokens, floats, program or interactor"),
		refused("a program without a protocol", `"checker":{"kind":"program","language":1,"file":"check.cpp"}`, "checker.protocol: want testlib or kattis"),
		refused("a program of no language", `"checker":{"kind":"program","protocol":"kattis","file":"check.cpp"}`, "checker.language: missing"),
		refused("a program in another language", `"checker":{"kind":"program","protocol":"kattis","language":3,"file":"check.pdf"}`, "checker.language: want 0 (C), 1 (C++) or 2 (Python 3)"),
		refused("a program in a folder", `"checker":{"kind":"interactor","protocol":"kattis","language":1,"file":"../check.cpp"}`, "checker.file: want the name of a file in the folder checker/ of the test data: 1 to 64 letters, digits, '.', '_' and '-'"),
		refused("a program by another name", `"checker":{"kind":"interactor","protocol":"testlib","language":1,"file":"check.py"}`, "checker.file: want a name that ends in .cpp, as language 1 has it"),
		refused("a program without time", `"checker":{"kind":"program","protocol":"testlib","language":1,"file":"check.cpp","timeLimit":0}`, "checker.timeLimit: want 100 to 60000"),
		refused("a program with little memory", `"checker":{"kind":"program","protocol":"testlib","language":1,"file":"check.cpp","memoryLimit":1}`, "checker.memoryLimit: want 16384 to 2097152"),
		refused("a file of tokens", `"checker":{"kind":"tokens","file":"check.cpp"}`, "checker: protocol, language, file, timeLimit and memoryLimit belong to the kinds program and interactor"),
		refused("a checker of no kind", `"checker":{"abs":1}`, "checker.kind: missing"),
		refused("floats without a bound", `"checker":{"kind":"floats"}`, "checker: floats wants abs, rel or both, as 1e-6"),
		refused("a negative bound", `"checker":{"kind":"floats","abs":-1}`, "checker.abs: want a number of at least 0"),
		refused("a bound of no use", `"checker":{"kind":"tokens","rel":1}`, "checker: abs and rel belong to the kind floats"),
	})
	// What is the default is not shown.
	same(t, w.must(201, rules(`"outputLimit":null,"compile":{},"stopOnFailure":false,"checker":{"kind":"lines"}`)),
		`{"data":{"problemId":8,"version":0,"tasks":[],"testdata":null,"draft":{"tasks":`+tasks8+`,"testdata":null},"upload":null},"message":"draft stored","status":"ok"}`)
	const program = `"checker":{"kind":"program","protocol":"testlib","file":"check.c","timeLimit":2000,"language":0}`
	same(t, w.must(200, rules(program)),
		`{"data":{"problemId":8,"version":0,"tasks":[],"testdata":null,"draft":{"tasks":`+tasks8+`,"testdata":null,`+program+`},"upload":null},"message":"draft stored","status":"ok"}`)
	const noData = "the problem has no test data, and its checker checker/check.c must be in them: upload a zip"
	same(t, w.do(post("/problems/8/publish", "")), `{"data":{"findings":[{"file":"","message":"`+noData+`"}],"more":0},`+
		`"message":"test data does not fit the tasks: `+noData+`","status":"err","code":"invalid_testdata"}`)
	const said = `"outputLimit":2048,"compile":{"timeLimit":60000,"memoryLimit":65536},"stopOnFailure":true,"checker":{"kind":"floats","abs":1e-9}`
	same(t, w.must(200, rules(said)),
		`{"data":{"problemId":8,"version":0,"tasks":[],"testdata":null,"draft":{"tasks":`+tasks8+`,"testdata":null,`+said+`},"upload":null},"message":"draft stored","status":"ok"}`)
	same(t, w.must(200, post("/problems/8/publish", "")), `{"data":{"problemId":8,"version":1,"changed":true,"warnings":["this version has no test data: a runner that fetches them, as runlease-runner does, judges every job of it JE"]},"message":"published","status":"ok"}`)
	w.must(201, post("/jobs", newJob("j1", 8, 2)))

	w.check([]row{{
		"a runner that knows of no checkers", post("/runner/jobs/j1/claim", `{}`), 409, "unfit_runner",
		"this runner cannot judge the submission: its problem has a checker, and the runner does not say `checkers`: true",
	}})
	if got := w.must(200, post("/runner/sync", `{"slots":1}`)).data["jobs"].([]any); len(got) != 0 {
		t.Errorf("given out by sync: %v", got)
	}
	// Who can judge it has it at once.
	jobs := w.must(200, post("/runner/sync", `{"slots":1,"checkers":true}`)).data["jobs"].([]any)
	if len(jobs) != 1 {
		t.Fatalf("given out by sync: %v", jobs)
	}
	meta := jobs[0].(map[string]any)["meta"].(map[string]any)
	if meta["outputLimit"] != 2048.0 || meta["stopOnFailure"] != true || meta["checker"].(map[string]any)["abs"] != 1e-9 || meta["compile"].(map[string]any)["timeLimit"] != 60000.0 {
		t.Errorf("meta %v", meta)
	}

	// The source of a checker is in the test data, and a runner of before has no use
	// for the job.
	const interactor = `"checker":{"kind":"interactor","protocol":"kattis","file":"talk.py","memoryLimit":65536,"language":2}`
	const lacking = "checker/talk.py: missing: it is the source of the problem's checker"
	for _, c := range []struct {
		zip    []byte
		status int
	}{{zips.TestData(1), 422}, {zips.Of(zips.File{Name: "0000.in"}, zips.File{Name: "0000.out"}, zips.File{Name: "checker/talk.py"}), 200}} {
		w.upload(w.must(200, put("/problems/8", `{"tasks":`+tasks8+`,`+interactor+`,"testdata":`+artifact(c.zip)+`}`)).data["upload"], c.zip)
		if got := w.do(post("/problems/8/publish", "")); got.status != c.status || c.status == 422 && !strings.Contains(got.raw, lacking) {
			t.Errorf("published: %d %s", got.status, got.raw)
		}
	}
	w.must(201, post("/jobs", newJob("j2", 8, 2)))
	w.check([]row{{"a runner that knows of no checkers", post("/runner/jobs/j2/claim", `{}`), 409, "unfit_runner", "this runner cannot judge the submission: its problem has a checker, and the runner does not say `checkers`: true"}})
	meta = w.must(200, post("/runner/jobs/j2/claim", `{"checkers":true}`)).data["meta"].(map[string]any)
	if got := meta["checker"].(map[string]any); got["kind"] != "interactor" || got["protocol"] != "kattis" || got["language"] != 2.0 || got["file"] != "talk.py" || got["memoryLimit"] != 65536.0 {
		t.Errorf("meta %v", meta)
	}
}

func TestListsOfProblems(t *testing.T) {
	w := newWorld(t)
	w.problems()
	same(t, w.must(200, get("/problems")), `{"data":{"problems":[{"problemId":7,"version":1},{"problemId":8,"version":1}],"next":null},"message":"ok","status":"ok"}`)
	same(t, w.must(200, get("/problems?limit=1")), `{"data":{"problems":[{"problemId":7,"version":1}],"next":7},"message":"ok","status":"ok"}`)
	same(t, w.must(200, get("/problems?limit=1&after=7&x=y")), `{"data":{"problems":[{"problemId":8,"version":1}],"next":null},"message":"ok","status":"ok"}`)
	w.must(200, put("/problems/8", `{"tasks":`+tasks7+`}`))
	w.must(200, post("/problems/8/publish", ""))
	first := w.must(200, get("/problems/8/versions?limit=1"))
	same(t, first, `{"data":{"problemId":8,"versions":[{"version":1,"tasks":`+tasks8+`,"testdata":null}],"next":1},"message":"ok","status":"ok"}`)
	same(t, w.must(200, get("/problems/8/versions?after=1")), `{"data":{"problemId":8,"versions":[{"version":2,"tasks":`+tasks7+`,"testdata":null}],"next":null},"message":"ok","status":"ok"}`)
	const wanted = "invalid cursor: want the next of an earlier reply, or none to begin with the first"
	for _, path := range []string{"/problems", "/problems/8/versions"} {
		for _, after := range []string{"x", "-1", "01", "", "2147483648", "1&after=2"} {
			w.check([]row{{"after", get(path + "?after=" + after), 400, "invalid_cursor", wanted}})
		}
		w.check([]row{{"limit", get(path + "?limit=101"), 400, "invalid_limit", "invalid limit: want 1 to 100"}})
	}
	w.check([]row{{"unknown", get("/problems/9/versions"), 404, "problem_not_found", "problem not found"}})
}

func TestPublishProblem(t *testing.T) {
	w := newWorld(t)
	announced := w.must(201, put("/problems/7", `{"tasks":`+tasks7+`,"testdata":`+artifact(testdata)+`}`))
	w.check([]row{
		{"unknown", post("/problems/9/publish", ""), 404, "problem_not_found", "problem not found"},
		{"before the upload", post("/problems/7/publish", ""), 409, "upload_missing", "not uploaded: testdata"},
	})
	w.upload(announced.data["upload"], testdata)
	same(t, w.must(200, post("/problems/7/publish", "{}")), `{"data":{"problemId":7,"version":1,"changed":true},"message":"published","status":"ok"}`)
	same(t, w.must(200, post("/problems/7/publish", "")), `{"data":{"problemId":7,"version":1,"changed":false},"message":"published","status":"ok"}`)
	current := `{"problemId":7,"version":1,"tasks":` + tasks7 + `,"testdata":` + artifact(testdata) + `,"draft":{"tasks":` + tasks7 + `,"testdata":` + artifact(testdata) + `}}`
	same(t, w.must(200, get("/problems/7")), `{"data":`+current+`,"message":"ok","status":"ok"}`)

	// The same bytes announced with another size: what is there does not match.
	w.must(200, put("/problems/7", fmt.Sprintf(`{"tasks":%s,"testdata":{"size":1,"sha256":%q}}`, tasks7, sum(testdata))))
	w.check([]row{{"another size", post("/problems/7/publish", ""), 409, "upload_mismatch", "uploaded bytes have another size or hash: testdata"}})

	// The test data of another problem; the version that is out stays.
	w.upload(w.must(200, put("/problems/7", `{"tasks":`+tasks7+`,"testdata":`+artifact(zips.TestData(2, 2))+`}`)).data["upload"], zips.TestData(2, 2))
	const found = "there is no case 1 of task 1: cases are numbered from 00, and caseCount is 1"
	same(t, w.do(post("/problems/7/publish", "")), `{"data":{"findings":[{"file":"0101.in","message":"`+found+`"},{"file":"0101.out","message":"`+found+`"}],"more":0},`+
		`"message":"test data does not fit the tasks: 0101.in: `+found+` (and 1 more)","status":"err","code":"invalid_testdata"}`)
	if got := w.must(200, get("/problems/7")); got.data["version"] != 1.0 {
		t.Errorf("published %v", got.data)
	}

	// What was published can be read and had at any time, whatever came after it.
	w.must(200, put("/problems/7", `{"tasks":`+tasks8+`,"testdata":null,"outputLimit":64}`))
	w.must(201, put("/problems/8", `{"tasks":`+tasks8+`,"outputLimit":64}`))
	w.must(200, post("/problems/8/publish", ""))
	same(t, w.must(200, get("/problems/8?version=1")), `{"data":{"problemId":8,"version":1,"tasks":`+tasks8+`,"testdata":null,"outputLimit":64},"message":"ok","status":"ok"}`)
	first := w.must(200, get("/problems/7?version=1&x=y"))
	same(t, first, `{"data":{"problemId":7,"version":1,"tasks":`+tasks7+`,"testdata":{"url":"*",`+strings.Trim(artifact(testdata), "{}")+`,"expiresIn":300}},"message":"ok","status":"ok"}`)
	reply, err := w.client.Get(first.data["testdata"].(map[string]any)["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if got, err := io.ReadAll(reply.Body); err != nil || reply.StatusCode != 200 || !bytes.Equal(got, testdata) {
		t.Errorf("downloaded %d bytes, %s, %v", len(got), reply.Status, err)
	}
	w.check([]row{
		{"never published", get("/problems/7?version=2"), 404, "version_not_found", "problem version not found"},
		{"no problem", get("/problems/9?version=1"), 404, "version_not_found", "problem version not found"},
		{"by a token of another scope", get("/problems/7?version=1").by("reader"), 403, "missing_scope", "token has no such scope: problems:write"},
	})
	for _, version := range []string{"", "0", "01", "-1", "x", "2147483648", "1&version=1", "%zz"} {
		w.check([]row{{version, get("/problems/7?version=" + version), 400, "invalid_version", "invalid version: want 1 to 2147483647"}})
	}
}

func TestCreateJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.must(201, put("/problems/9", `{"tasks":`+tasks8+`}`))
	fresh := func(id, group, state string, status int, queuedAt string) string {
		return fmt.Sprintf(`"submissionId":%q,"problemId":7,"language":2,"group":%s,"state":%q,"status":%d,"score":null,"runTime":null,"memoryUsage":null,"tasks":null,"reason":null,`+
			`"attempt":0,"failures":0,"generation":0,"holder":null,"attempts":[],"cancelRequested":false,"disputed":false,"outputs":"none","createdAt":1763937600.250,"queuedAt":%s,"endedAt":null`,
			id, group, state, status, queuedAt)
	}
	inline := strings.Replace(newJob("j1", 7, 2), "{", `{"group":"user-5",`, 1)
	queued := fresh("j1", `"user-5"`, "queued", -1, "1763937600.250")
	same(t, w.must(201, post("/jobs", inline)), `{"data":{`+queued+`,"upload":null},"message":"submission created","status":"ok"}`)
	same(t, w.must(200, post("/jobs", inline)), `{"data":{`+queued+`,"upload":null},"message":"submission exists","status":"ok"}`)
	same(t, w.must(200, get("/jobs/j1")), `{"data":{`+queued+`},"message":"ok","status":"ok"}`)

	byHash := `{"submissionId":"j2","problemId":7,"language":2,"code":` + artifact(zip) + `}`
	awaited := `{"data":{` + fresh("j2", "null", "created", -2, "null") + `,"upload":{"url":"*","method":"PUT","headers":"*","expiresIn":900}},"message":"submission %s","status":"ok"}`
	offer := w.must(201, post("/jobs", byHash))
	same(t, offer, fmt.Sprintf(awaited, "created"))
	same(t, w.must(200, post("/jobs", byHash)), fmt.Sprintf(awaited, "exists"))
	w.check([]row{{"submit before the upload", post("/jobs/j2/submit", ""), 409, "upload_missing", "not uploaded: code"}})
	w.upload(offer.data["upload"], zip)
	same(t, w.must(200, post("/jobs/j2/submit", "")), `{"data":{`+fresh("j2", "null", "queued", -1, "1763937600.250")+`},"message":"submission submitted","status":"ok"}`)
	w.must(200, post("/jobs/j2/submit", "{}"))

	code := func(value string) ask {
		return post("/jobs", `{"submissionId":"j3","problemId":7,"language":0,"code":`+value+`}`)
	}
	file := zips.File{Name: "main.c"}
	file.Text = strings.Repeat("x", 256<<10-len(zips.Of(file)))
	largest := base64.StdEncoding.EncodeToString(zips.Of(file))
	larger := base64.StdEncoding.EncodeToString(make([]byte, 256<<10+1))
	const want = "invalid body: code: want a base64 string, or an object with size and sha256"
	const size = "invalid body: code: want 1 to 262144 bytes, upload what is larger"
	with := func(from, to string) ask { return post("/jobs", strings.Replace(newJob("j3", 7, 2), from, to, 1)) }
	w.check([]row{
		{"no body", post("/jobs", ""), 400, "missing_body", "missing JSON body"},
		{"no id", with(`"submissionId":"j3",`, ""), 400, "invalid_body", "invalid body: submissionId: missing"},
		{"malformed id", with(`"j3"`, `"a b"`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"id of 65", with(`"j3"`, `"`+strings.Repeat("x", 65)+`"`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"id that is a number", with(`"j3"`, `3`), 400, "malformed_id", "malformed id: submissionId: " + job.IDRule},
		{"malformed group", with("{", `{"group":"a/b",`), 400, "malformed_id", "malformed id: group: " + job.IDRule},
		{"empty group", with("{", `{"group":"",`), 400, "malformed_id", "malformed id: group: " + job.IDRule},
		{"no problem", with(`"problemId":7,`, ""), 400, "invalid_body", "invalid body: problemId: missing"},
		{"problem zero", with(`"problemId":7`, `"problemId":0`), 400, "invalid_body", "invalid body: problemId: want an integer, 1 to 2147483647"},
		{"language 10", with(`"language":2`, `"language":10`), 400, "invalid_body", "invalid body: language: want 0 to 9, or 32 to 63"},
		{"no language", with(`"language":2,`, ""), 400, "invalid_body", "invalid body: language: missing"},
		{"unknown problem", with(`"problemId":7`, `"problemId":11`), 404, "problem_not_found", "problem not found"},
		{"unpublished problem", with(`"problemId":7`, `"problemId":9`), 404, "problem_not_found", "problem not found: it has a draft, which was never published"},
		{"an unknown field", with("{", `{"Group":"x",`), 400, "invalid_body", "invalid body: Group: unknown field: known are submissionId, problemId, language, group, pool, code"},
		{"an unknown field of the code", code(`{"size":1,"SHA256":"x"}`), 400, "invalid_body", "invalid body: code.SHA256: unknown field: known are size, sha256"},
		{"an unknown field where there are none", post("/jobs/j2/cancel", `{"reason":"x"}`), 400, "invalid_body", "invalid body: reason: unknown field: there are none"},
		{"an unknown field of a query", post("/jobs/query", `{"ids":[],"state":"queued"}`), 400, "invalid_body", "invalid body: state: unknown field: known are ids"},
		{"code is null", code("null"), 400, "invalid_body", "invalid body: code: missing"},
		{"code is a number", code("1"), 400, "invalid_body", want},
		{"code is a list", code("[]"), 400, "invalid_body", want},
		{"code is not base64", code(`"?"`), 400, "invalid_body", want},
		{"code is empty", code(`""`), 400, "invalid_body", size},
		{"code is a byte too large", code(`"` + larger + `"`), 400, "invalid_body", size},
		{"hash in capitals", code(`{"size":1,"sha256":"` + strings.Repeat("A", 64) + `"}`), 400, "invalid_body", "invalid body: code.sha256: want 64 lower-case hex digits"},
		{"size of nothing", code(`{"size":0,"sha256":"` + sum(zip) + `"}`), 400, "invalid_body", "invalid body: code.size: want an integer, 1 to 10485760"},
		{"size beyond 10 MiB", code(`{"size":10485761,"sha256":"` + sum(zip) + `"}`), 400, "invalid_body", "invalid body: code.size: want an integer, 1 to 10485760"},
		{"nothing was stored", get("/jobs/j3"), 404, "not_found", "submission not found"},
		{"code is no zip", code(`"` + base64.StdEncoding.EncodeToString([]byte("int main() {}")) + `"`), 422, "invalid_code", "code cannot be judged: it is not a zip"},
		{"code of another language", code(`"` + base64.StdEncoding.EncodeToString(zips.Of(zips.File{Name: "main.py"})) + `"`), 422, "invalid_code", "code cannot be judged: want main.c at the root of the zip: it has no such file"},
		{"nothing of it was stored", get("/jobs/j3"), 404, "not_found", "submission not found"},
		{"the largest inline code", code(`"` + largest + `"`), 201, "", "submission created"},
		{"other code", code(`"` + base64.StdEncoding.EncodeToString(zip) + `"`), 409, "job_conflict", "submission exists with other content"},
		{"the largest upload", post("/jobs", `{"submissionId":"j4","problemId":7,"language":0,"code":{"size":10485760,"sha256":"`+sum(zip)+`"}}`), 201, "", "submission created"},
		{"scope of create", post("/jobs", inline).by("reader"), 403, "missing_scope", "token has no such scope: jobs:write"},
		{"scope of get", get("/jobs/j1").by("writer"), 403, "missing_scope", "token has no such scope: jobs:read"},
		{"submit an unknown job", post("/jobs/none/submit", ""), 404, "not_found", "submission not found"},
	})
	// Somebody put other bytes where j5's code belongs.
	w.must(201, post("/jobs", `{"submissionId":"j5","problemId":7,"language":2,"code":`+artifact(zip)+`}`))
	other := job.Artifact{Size: int64(len(testdata)), SHA256: sum(testdata)}
	if err := w.blobs.Put(t.Context(), "code/j5/"+sum(zip)+".zip", testdata, other); err != nil {
		t.Fatal(err)
	}
	w.check([]row{{"submit other bytes", post("/jobs/j5/submit", ""), 409, "upload_mismatch", "uploaded bytes have another size or hash: code"}})

	offer = w.must(201, post("/jobs", `{"submissionId":"j6","problemId":7,"language":2,"code":`+artifact(testdata)+`}`))
	w.upload(offer.data["upload"], testdata)
	w.check([]row{
		{"submit a zip without a source", post("/jobs/j6/submit", ""), 422, "invalid_code", "code cannot be judged: want main.py at the root of the zip: it has no such file"},
	})
	if got := w.must(200, get("/jobs/j6")).data; got["state"] != "created" {
		t.Errorf("queued all the same: %v", got)
	}

	// Whatever looks for a first word or a directory ends where the bytes do.
	few := []byte("print")
	offer = w.must(201, post("/jobs", `{"submissionId":"j7","problemId":7,"language":2,"code":`+artifact(few)+`}`))
	w.upload(offer.data["upload"], few)
	w.upload(w.must(200, put("/problems/9", `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":1024,"timeLimit":1000}],"testdata":`+artifact(few)+`}`)).data["upload"], few)
	w.check([]row{
		{"submit less than a zip can be", post("/jobs/j7/submit", ""), 422, "invalid_code", "code cannot be judged: it is not a zip"},
	})
	if got := w.must(422, post("/problems/9/publish", "")); got.code != "invalid_testdata" {
		t.Errorf("publish less than a zip can be: %v", got)
	}

	pdf := w.must(201, post("/jobs", newJob("pdf", 7, 3))).data
	if pdf["state"] != "created" || pdf["status"] != -1.0 || pdf["upload"] != nil {
		t.Errorf("handwritten: %v", pdf)
	}
}

func TestGetJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1") // created at .250, claimed a second later
	held := `"attempt":1,"generation":0,"runner":"runner-a","claimedAt":1763937601.250,"heartbeatAt":1763937601.250`
	head := `{"data":{"submissionId":"j1","problemId":7,"language":2,"group":null,`
	same(t, w.must(200, get("/jobs/j1")), head+
		`"state":"claimed","status":-1,"score":null,"runTime":null,"memoryUsage":null,"tasks":null,"reason":null,"attempt":1,"failures":0,"generation":0,`+
		`"holder":{"runner":"runner-a","attempt":1,"problemVersion":1,"leaseExpiresAt":1763938201.250,"heartbeatAt":1763937601.250,"expired":false},`+
		`"attempts":[{`+held+`,"endedAt":null,"how":null,"reason":null,"detail":null,"verdict":null,"late":null}],`+
		`"cancelRequested":false,"disputed":false,"outputs":"none","createdAt":1763937600.250,"queuedAt":1763937600.250,"endedAt":null},"message":"ok","status":"ok"}`)
	w.pass(2 * time.Second)
	w.must(200, put("/runner/jobs/j1/complete", result7(token, "TLE")))
	caseOf := func(status int) string {
		if status == 3 {
			return `{"status":3,"execTime":12,"memoryUsage":2048,"exitCode":0,"reason":"more than 10 ms"}`
		}
		return fmt.Sprintf(`{"status":%d,"execTime":12,"memoryUsage":2048,"exitCode":0}`, status)
	}
	same(t, w.must(200, get("/jobs/j1")), head+
		`"state":"finished","status":3,"score":40,"runTime":12,"memoryUsage":2048,"tasks":[`+
		`{"status":0,"score":40,"execTime":12,"memoryUsage":2048,"cases":[`+caseOf(0)+`,`+caseOf(0)+`]},`+
		`{"status":3,"score":0,"execTime":12,"memoryUsage":2048,"cases":[`+caseOf(3)+`]}],`+
		`"reason":null,"failure":{"task":1,"case":0,"status":3,"message":"more than 10 ms"},"attempt":1,"failures":0,"generation":0,"holder":null,`+
		`"attempts":[{`+held+`,"endedAt":1763937603.250,"how":"completed","reason":null,"detail":null,"verdict":{"status":3,"score":40},"late":null}],`+
		`"cancelRequested":false,"disputed":false,"outputs":"stored","createdAt":1763937600.250,"queuedAt":1763937600.250,"endedAt":1763937603.250},"message":"ok","status":"ok"}`)
	w.check([]row{
		{"unknown", get("/jobs/none"), 404, "not_found", "submission not found"},
		{"malformed", get("/jobs/a.b"), 400, "malformed_id", "malformed id: " + job.IDRule},
		{"an encoded slash", get("/jobs/a%2Fb"), 400, "malformed_id", "malformed id: " + job.IDRule},
		{"64 characters", get("/jobs/" + strings.Repeat("x", 64)), 404, "not_found", "submission not found"},
		{"65 characters", get("/jobs/" + strings.Repeat("x", 65)), 400, "malformed_id", "malformed id: " + job.IDRule},
	})
}

// TestCodeHoweverJSONWritesIt: 256 KB of code fit into the body even if the
// writer escapes what it need not. They are no zip, which is found later.
func TestCodeHoweverJSONWritesIt(t *testing.T) {
	w := newWorld(t)
	w.problems()
	code := make([]byte, 256<<10)
	for i := range code {
		code[i] = byte(rand.Uint32())
	}
	escaped := strings.NewReplacer("+", `\u002B`, "/", `\u002F`).Replace(base64.StdEncoding.EncodeToString(code))
	w.expect("escaped", post("/jobs", `{"submissionId":"j1","problemId":7,"language":2,"code":"`+escaped+`"}`), 422, "invalid_code")
}

// TestVerdictExplainsItself: what the runner said is told with the verdict,
// wherever the outputs are kept, and every JE has a reason, the runner's and the system's.
func TestVerdictExplainsItself(t *testing.T) {
	w := newWorld(t)
	w.problems()
	large := make([]byte, 40_000) // does not pack
	for i := range large {
		large[i] = "0123456789abcdef"[rand.IntN(16)]
	}
	for _, c := range []struct {
		name, status, stdout, stderr, message, outputs string
		reason                                         any
	}{
		{"compiler", "CE", "", "/box/1/main.c:1: error", "main.c:1: error", "stored", nil},
		{"large", "RE", string(large), "/box/main: died", "main: died", "stored", nil},
		{"judge", "JE", "", "no checker", "no checker", "stored", "attempt 1 was judged JE by runner-a: no checker"},
		{"silent", "JE", "", "", "", "none", "attempt 1 was judged JE by runner-a, which gave no reason"},
		{"accepted", "AC", "", "warning", "", "stored", nil},
	} {
		one := fmt.Sprintf(`{"exitCode":0,"status":%q,"stdout":%q,"stderr":%q,"execTime":1,"memoryUsage":1}`, c.status, c.stdout, c.stderr)
		result := fmt.Sprintf(`{"token":%q,"tasks":[[%s,%s],[%s]]}`, w.claimed(c.name), one, one, one)
		for range 2 { // the second time nothing changes
			w.must(200, put("/runner/jobs/"+c.name+"/complete", result))
		}
		got := w.must(200, get("/jobs/"+c.name)).data
		failure, failed := got["failure"].(map[string]any)
		if failed == (c.status == "AC") || failed && failure["message"] != c.message || got["reason"] != c.reason || got["outputs"] != c.outputs {
			t.Errorf("%s: failure %v, reason %v, outputs %v", c.name, failure, got["reason"], got["outputs"])
		}
	}
	if w.unjudged != 2 {
		t.Errorf("%d results counted as JE, want 2", w.unjudged)
	}
}

// TestDeleteJob: nothing is left of a job that is deleted, and its id is free.
func TestDeleteJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	gone := func(id string) ask { return ask{method: http.MethodDelete, path: "/jobs/" + id} }
	token := w.claimed("j1")
	w.check([]row{
		{"unknown", gone("none"), 404, "not_found", "submission not found"},
		{"not final", gone("j1"), 409, "not_final", "submission is not final: it is claimed, cancel it first"},
	})
	w.must(200, put("/runner/jobs/j1/complete", result7(token, "WA")))
	outputs, _ := w.must(200, get("/jobs/j1/outputs")).data["url"].(string)
	same(t, w.must(200, gone("j1")), `{"data":null,"message":"submission deleted","status":"ok"}`)
	w.check([]row{
		{"deleted again", gone("j1"), 404, "not_found", "submission not found"},
		{"looked at", get("/jobs/j1"), 404, "not_found", "submission not found"},
	})
	reply, err := w.client.Get(outputs)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if reply.StatusCode != http.StatusNotFound {
		t.Errorf("its outputs: %s", reply.Status)
	}
	w.queued("j1")
}

func TestJobThatTheSystemEnds(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1")
	for i, detail := range []string{"", `,"detail":"disk full: 0 bytes free"`} {
		token := w.claim("j1", "runner-a")
		w.must(200, post("/runner/jobs/j1/release", `{"token":"`+token+`","reason":"infra_error"`+detail+`}`))
		w.check([]row{{"at once", post("/runner/jobs/j1/claim", ""), 409, "passed_over", fmt.Sprintf("given back by this runner a moment ago, others come first: try again in %d s", []int{30, 120}[i])}})
		w.pass(2 * time.Minute)
	}
	for _, runner := range []string{"runner-b", "runner-c"} {
		w.claim("j1", runner)
		w.pass(601 * time.Second)
		w.must(200, get("/runner/jobs?limit=10"))
	}
	got := w.must(200, get("/jobs/j1")).data
	const want = "attempt 1 by runner-a was released: infra_error; attempt 2 by runner-a was released: infra_error (disk full: 0 bytes free); attempt 3 by runner-b was lost: no heartbeat; attempt 4 by runner-c was lost: no heartbeat"
	if got["reason"] != want || got["status"] != 6.0 || got["state"] != "finished" || got["tasks"] != nil || got["failures"] != 3.0 {
		t.Errorf("ended as %v", got)
	}
}

// A reply of a function may have 6 MB, in which the body is escaped once more.
func TestQueryJobsFitsIntoAReply(t *testing.T) {
	w := newWorld(t)
	cases := "[100" + strings.Repeat(",[3,2147483647,2199023254528,-2147483648]", 100) + "]"
	var ids []string
	for i := range 100 {
		id := fmt.Sprintf("%064d", i)
		ids = append(ids, `"`+id+`"`)
		j := job.Job{
			ID: id, Problem: 7, State: job.Finished, CreatedAt: 1, QueuedAt: 1, EndedAt: 2, Attempt: 1, Revision: 1, WriteID: id,
			Result: &job.Result{Attempt: 1, Status: 3, Tasks: []byte("[" + strings.Repeat(cases+",", 9) + cases + "]")},
		}
		if _, created, err := w.store.Create(t.Context(), j); err != nil || !created {
			t.Fatal(created, err)
		}
	}
	asked := 0
	for len(ids) > 0 {
		got := w.must(200, post("/jobs/query", `{"ids":[`+strings.Join(ids, ",")+`]}`)).data
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		escaped, err := json.Marshal(string(encoded))
		if err != nil || len(escaped) > 6_000_000 {
			t.Fatalf("a reply of %d bytes, %v", len(escaped), err)
		}
		asked += len(got["jobs"].([]any))
		ids = nil
		deferred, _ := got["deferred"].([]any)
		for _, id := range deferred {
			ids = append(ids, `"`+id.(string)+`"`)
		}
	}
	if asked != 100 {
		t.Errorf("%d of 100 jobs were answered", asked)
	}
}

func TestListVerdicts(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1", "j2", "j3")
	w.must(200, post("/jobs/j1/cancel", "{}"))
	w.pass(time.Second)
	w.must(200, post("/jobs/j2/cancel", "{}"))
	first := w.must(200, get("/verdicts?limit=1"))
	jobs := first.data["jobs"].([]any)
	if one := jobs[0].(map[string]any); len(jobs) != 1 || one["submissionId"] != "j1" || one["state"] != "cancelled" || first.data["pollSeconds"] != 0.0 {
		t.Errorf("got %v", first.data)
	}
	second := w.must(200, get("/verdicts?after="+first.data["next"].(string)))
	if jobs := second.data["jobs"].([]any); len(jobs) != 1 || jobs[0].(map[string]any)["submissionId"] != "j2" || second.header.Get("Retry-After") != "5" {
		t.Errorf("got %v", second.data)
	}
	next := second.data["next"].(string)
	w.check([]row{
		{"nothing new", get("/verdicts?after=" + next), 200, "", "ok"},
		{"two cursors", get("/verdicts?after=" + next + "&after=" + next), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the oldest job that is kept"},
		{"another's cursor", get("/verdicts?after=" + next + "0"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the oldest job that is kept"},
		{"too many", get("/verdicts?limit=101"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
		{"none", get("/verdicts?limit=0"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
	})
}

func TestQueryJobs(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1", "j2")
	got := w.must(200, post("/jobs/query", `{"ids":["j2","none","j1","j2"]}`)).data
	jobs, missing := got["jobs"].([]any), got["missing"].([]any)
	if len(jobs) != 2 || jobs[0].(map[string]any)["submissionId"] != "j2" || len(missing) != 1 || missing[0] != "none" {
		t.Errorf("got %v", got)
	}
	same(t, w.must(200, post("/jobs/query", `{"ids":[]}`)), `{"data":{"jobs":[],"missing":[]},"message":"ok","status":"ok"}`)
	ids := func(n int) string {
		return `{"ids":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 64)+`",`, n), ",") + `]}`
	}
	const want = "invalid body: ids: want a list of at most 100 ids"
	w.check([]row{
		{"100 ids", post("/jobs/query", ids(100)), 200, "", "ok"},
		{"101 ids", post("/jobs/query", ids(101)), 400, "invalid_body", want},
		{"no body", post("/jobs/query", ""), 400, "missing_body", "missing JSON body"},
		{"no ids", post("/jobs/query", "{}"), 400, "invalid_body", want},
		{"ids that are no list", post("/jobs/query", `{"ids":"j1"}`), 400, "invalid_body", want},
		{"a malformed one", post("/jobs/query", `{"ids":["j1","a b"]}`), 400, "malformed_id", "malformed id: ids[1]: " + job.IDRule},
		{"a null one", post("/jobs/query", `{"ids":[null]}`), 400, "malformed_id", "malformed id: ids[0]: " + job.IDRule},
	})
}

func TestOutputsOfJobs(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.finished("j1")
	w.queued("waiting")
	same(t, w.must(200, get("/jobs/j1/outputs")), `{"data":{"url":"*","expiresIn":300},"message":"ok","status":"ok"}`)
	w.check([]row{
		{"unknown", get("/jobs/none/outputs"), 404, "not_found", "submission not found"},
		{"no result", get("/jobs/waiting/outputs"), 404, "outputs_not_found", "outputs not found"},
	})
}

// TestOutputsOfACase: they come alone, wherever they are kept, and no more of them
// than a reply may have.
func TestOutputsOfACase(t *testing.T) {
	w := newWorld(t)
	w.problems()
	large := make([]byte, dispatch.MaxCaseOutput+1000) // does not pack, and its zip is larger than what is read at once
	for i := range large {
		large[i] = "0123456789abcdef"[rand.IntN(16)]
	}
	one := func(stdout, stderr string) string {
		return fmt.Sprintf(`{"exitCode":0,"status":"WA","stdout":%q,"stderr":%q,"execTime":1,"memoryUsage":1}`, stdout, stderr)
	}
	complete := func(id, first, more string) {
		w.must(200, put("/runner/jobs/"+id+"/complete", fmt.Sprintf(`{"token":%q,"tasks":[[%s,%s],[%s]]%s}`, w.claimed(id), first, one("ä", "b"), one("", ""), more)))
	}
	w.queued("waiting")
	complete("packed", one("a", ""), "")
	complete("zipped", one(string(large), "said"), "")
	sent := func(id string, zipped []byte) {
		token := w.claimed(id)
		offer := w.must(200, post("/runner/jobs/"+id+"/outputs", fmt.Sprintf(`{"token":%q,"size":%d,"sha256":%q}`, token, len(zipped), sum(zipped))))
		w.upload(offer.data["upload"], zipped)
		w.must(200, put("/runner/jobs/"+id+"/complete", fmt.Sprintf(`{"token":%q,"tasks":[[%s,%s],[%s]],"outputs":%s}`, token, one("", ""), one("", ""), one("", ""), artifact(zipped))))
	}
	whole := zips.Of(zips.File{Name: "0000.stdout", Text: strings.Repeat("x", 4<<20)}, zips.File{Name: "0000.stderr", Text: "\xff."}, zips.File{Name: "0001.stderr", Text: string(large)})
	sent("sent", whole)
	broken := bytes.Clone(whole)
	copy(broken[100:], "damaged, damaged, damaged")
	sent("broken", broken)
	sent("nothing", []byte("no zip at all"))

	want := func(id string, task, k int, stdout, stderr string, stdoutCut, stderrCut bool) {
		t.Helper()
		got := w.must(200, get(fmt.Sprintf("/jobs/%s/outputs?task=%d&case=%d", id, task, k))).data
		if diff := cmp.Diff(map[string]any{"task": float64(task), "case": float64(k), "stdout": stdout, "stderr": stderr, "stdoutCut": stdoutCut, "stderrCut": stderrCut}, got); diff != "" {
			t.Errorf("%s, case %d of task %d (-want +got):\n%.500s", id, k, task, diff)
		}
	}
	want("packed", 0, 0, "a", "", false, false)
	want("packed", 0, 1, "ä", "b", false, false)
	want("packed", 1, 0, "", "", false, false)
	want("zipped", 0, 0, string(large[:dispatch.MaxCaseOutput]), "said", true, false)
	want("zipped", 0, 1, "ä", "b", false, false)
	want("sent", 0, 0, strings.Repeat("x", dispatch.MaxCaseOutput), "\ufffd.", true, false)
	want("sent", 0, 1, "", string(large[:dispatch.MaxCaseOutput]), false, true)
	if got := w.must(200, get("/jobs/broken/outputs?task=0&case=0")).data; got["stdoutCut"] != true || got["stderr"] != "\ufffd." {
		t.Errorf("a damaged file: cut %v, and the other is %q", got["stdoutCut"], got["stderr"])
	}
	const missing = "outputs not found: "
	w.check([]row{
		{"unknown", get("/jobs/unknown/outputs?task=0&case=0"), 404, "not_found", "submission not found"},
		{"no result", get("/jobs/waiting/outputs?task=0&case=0"), 404, "outputs_not_found", "outputs not found"},
		{"no such case", get("/jobs/packed/outputs?task=1&case=1"), 404, "outputs_not_found", missing + "the result has no case 1 of task 1"},
		{"no such task", get("/jobs/zipped/outputs?task=2&case=0"), 404, "outputs_not_found", missing + "the result has no case 0 of task 2"},
		{"not in the zip", get("/jobs/sent/outputs?task=1&case=0"), 404, "outputs_not_found", missing + "the zip has no case 0 of task 1"},
		{"no zip", get("/jobs/nothing/outputs?task=0&case=0"), 404, "outputs_not_found", missing + "the zip of the runner cannot be read: it is not a zip"},
	})
	for _, query := range []string{"task=0", "case=0", "task=0&case=", "task=0&case=100", "task=-1&case=0", "task=00&case=0", "task=0&task=0&case=0", "task=%zz"} {
		w.check([]row{{query, get("/jobs/packed/outputs?" + query), 400, "invalid_case", "invalid task or case: want task and case, each 0 to 99"}})
	}
}

func TestRejudgeJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.finished("j1")
	w.must(201, post("/jobs", newJob("pdf", 7, 3)))
	rejudge := func(id, body string) ask { return post("/jobs/"+id+"/rejudge", body) }
	const integer = "invalid body: generation: want an integer, 0 to 2147483647"
	w.check([]row{
		{"no body", rejudge("j1", ""), 400, "missing_body", "missing JSON body"},
		{"no generation", rejudge("j1", "{}"), 400, "invalid_body", "invalid body: generation: missing"},
		{"null generation", rejudge("j1", `{"generation":null}`), 400, "invalid_body", "invalid body: generation: missing"},
		{"no integer", rejudge("j1", `{"generation":"0"}`), 400, "invalid_body", integer},
		{"below zero", rejudge("j1", `{"generation":-1}`), 400, "invalid_body", integer},
		{"unknown", rejudge("none", `{"generation":0}`), 404, "not_found", "submission not found"},
		{"never queued", rejudge("pdf", `{"generation":0}`), 409, "not_submitted", "submission was never queued"},
		{"another generation", rejudge("j1", `{"generation":2}`), 409, "generation_conflict", "submission has another generation"},
		{"the current one", rejudge("j1", `{"generation":0}`), 200, "", "rejudge received"},
		{"repeated", rejudge("j1", `{"generation":0}`), 200, "", "rejudge received"},
	})
	got := w.must(200, get("/jobs/j1")).data
	if got["generation"] != 1.0 || got["state"] != "queued" || got["score"] != nil || got["createdAt"] != 1763937600.25 {
		t.Errorf("after a rejudge: %v", got)
	}
}

// TestCancelBeforeSubmit: a rejudge takes that back too, and then the job can be
// submitted as if nothing had been.
func TestCancelBeforeSubmit(t *testing.T) {
	w := newWorld(t)
	w.problems()
	zip := zips.Code("a program")
	create := post("/jobs", `{"submissionId":"j1","problemId":7,"language":0,"code":`+artifact(zip)+`}`)
	w.must(201, create)
	shows := func(data map[string]any, state string, status, generation float64) {
		t.Helper()
		if data["state"] != state || data["status"] != status || data["generation"] != generation {
			t.Fatalf("got %v, want %s, status %v, generation %v", data, state, status, generation)
		}
	}
	shows(w.must(200, post("/jobs/j1/cancel", "")).data, "cancelled", -2, 0)
	shows(w.must(200, post("/jobs/j1/submit", "")).data, "cancelled", -2, 0)
	for range 2 {
		shows(w.must(200, post("/jobs/j1/rejudge", `{"generation":0}`)).data, "created", -2, 1)
	}
	w.check([]row{{"not yet", post("/jobs/j1/rejudge", `{"generation":1}`), 409, "not_submitted", "submission was never queued"}})
	w.upload(w.must(200, create).data["upload"], zip)
	shows(w.must(200, post("/jobs/j1/submit", "")).data, "queued", -1, 1)
	shows(w.must(200, post("/jobs/j1/cancel", "")).data, "cancelled", -1, 1)
	shows(w.must(200, post("/jobs/j1/rejudge", `{"generation":1}`)).data, "queued", -1, 2)
}

func TestCancelJob(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("waiting")
	w.claimed("held")
	w.finished("done")
	w.check([]row{
		{"unknown", post("/jobs/none/cancel", ""), 404, "not_found", "submission not found"},
		{"finished", post("/jobs/done/cancel", ""), 409, "job_finished", "submission is finished"},
	})
	for id, want := range map[string][3]any{
		"waiting": {"cancelled", false, -1.0},
		"held":    {"claimed", true, -1.0},
	} {
		for range 2 {
			got := w.must(200, post("/jobs/"+id+"/cancel", "")).data
			if [3]any{got["state"], got["cancelRequested"], got["status"]} != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
	}
}
