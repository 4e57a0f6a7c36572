package bridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/testkit/normaloj"
	"runlease/shared/testkit/zips"
)

// onComplete is a fault of verdicts alone.
func onComplete(fault func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter))) func(http.ResponseWriter, *http.Request, func(http.ResponseWriter)) {
	return func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
		if strings.HasSuffix(r.URL.Path, "/complete") {
			fault(w, r, serve)
			return
		}
		serve(w)
	}
}

func says(status int, text string) func(*world, http.ResponseWriter, func(http.ResponseWriter)) {
	return func(_ *world, w http.ResponseWriter, _ func(http.ResponseWriter)) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// Whatever the back end does to a verdict, it counts once. One that it has lost is
// kept, and sent when the submission comes again, without being judged again.
func TestBackEndFailsOnVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		times int
		fault func(*world, http.ResponseWriter, func(http.ResponseWriter))
		lost  bool
	}{
		"500 without an effect":   {1, says(500, "Internal Server Error"), false},
		"502 of a proxy":          {3, says(502, "<html>bad gateway"), false},
		"403 of a firewall":       {2, says(403, "<html>forbidden"), false},
		"200 of something else":   {2, says(200, "<html>welcome"), false},
		"401, 404 without a word": {2, says(404, `{"detail":"Not Found"}`), false},
		"429":                     {2, says(429, `{"status":"err","message":"slow down"}`), false},
		"400 once":                {1, says(400, `{"status":"err","message":"Invalid request body"}`), false},
		"reset before the effect": {2, func(*world, http.ResponseWriter, func(http.ResponseWriter)) { panic(http.ErrAbortHandler) }, false},
		"hangs before the effect": {1, func(*world, http.ResponseWriter, func(http.ResponseWriter)) { time.Sleep(2400 * time.Millisecond) }, false},
		"slow": {1, func(_ *world, w http.ResponseWriter, serve func(http.ResponseWriter)) {
			time.Sleep(400 * time.Millisecond)
			serve(w)
		}, false},
		"reset after the effect": {1, func(_ *world, _ http.ResponseWriter, serve func(http.ResponseWriter)) {
			serve(httptest.NewRecorder())
			panic(http.ErrAbortHandler)
		}, false},
		"500 after the token": {1, func(w *world, rw http.ResponseWriter, _ func(http.ResponseWriter)) {
			w.backEnd.UseUp("ffff")
			says(500, "Internal Server Error")(w, rw, nil)
		}, true},
		"400 after the token": {1, func(w *world, rw http.ResponseWriter, _ func(http.ResponseWriter)) {
			w.backEnd.UseUp("ffff")
			says(400, `{"status":"err","message":"invalid data!"}`)(w, rw, nil)
		}, true},
		"killed just after the token": {1, func(w *world, _ http.ResponseWriter, _ func(http.ResponseWriter)) {
			w.backEnd.UseUp("ffff")
			panic(http.ErrAbortHandler)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w *world
			var times atomic.Int64
			ready := make(chan struct{})
			w = newWorld(t, onComplete(func(rw http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter)) {
				<-ready
				if times.Add(1) <= int64(c.times) {
					c.fault(w, rw, serve)
					return
				}
				serve(rw)
			}))
			close(ready)
			w.submit(200, "ffff", "WA 1")
			if c.lost {
				w.done()
				if n := w.backEnd.Submission("ffff").Counted; n != 0 {
					t.Fatalf("%d verdicts of a submission whose verdict is lost", n)
				}
				w.idle.Store(true) // nobody judges it again
				w.submit(200, "ffff", "WA 1")
			}
			w.ends("ffff", 1, 1, 0)
			w.done()
			if c.lost { // it is kept once
				w.idle.Store(false)
				w.submit(200, "ffff", "WA 1")
				w.ends("ffff", 2, 1, 0)
			}
		})
	}
}

// A submission that comes again waits for the call that reports its verdict, and no
// verdict of the older round is sent afterwards.
func TestComesAgainWhileVerdictIsSent(t *testing.T) {
	sending, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	w := newWorld(t, onComplete(func(rw http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter)) {
		if calls.Add(1) == 1 {
			close(sending)
			<-release
			panic(http.ErrAbortHandler) // without an effect
		}
		serve(rw)
	}))
	w.submit(200, "again", "AC")
	<-sending
	p := twoTasks(50)
	p.Tasks[0].TimeLimit = 1234
	w.backEnd.SetProblem(1, p)
	came := make(chan time.Time)
	go func() { w.submit(200, "again", "AC"); came <- time.Now() }()
	time.Sleep(200 * time.Millisecond)
	released := time.Now()
	close(release)
	if at := <-came; at.Before(released) {
		t.Error("it was answered while a verdict was being sent")
	}
	if s := w.ends("again", 1, 0, 100); s.Tasks[0][0].ExecTime != 1234 {
		t.Errorf("the older round's verdict was sent: %v", s.Tasks)
	}
	w.done()
	if n := calls.Load(); n != 2 {
		t.Errorf("%d verdicts were sent, want the older one and the new one", n)
	}
}

// What becomes of an older round, in whatever stage it is, is nothing: neither is its
// verdict sent, nor does it count as the newer one's.
func TestComesAgainInAnyStage(t *testing.T) {
	for stage, path := range map[string]string{"handed in": "/jobs", "its verdict read": "/jobs/again"} {
		t.Run(stage, func(t *testing.T) {
			w := newWorld(t, nil)
			h := w.hold(path)
			w.submit(200, "again", "AC")
			<-h.entered
			p := twoTasks(50)
			p.Tasks[0].TimeLimit = 1234
			w.backEnd.SetProblem(1, p)
			w.submit(200, "again", "AC")
			close(h.release)
			if s := w.ends("again", 1, 0, 100); s.Tasks[0][0].ExecTime != 1234 {
				t.Errorf("the older round's verdict was sent: %v", s.Tasks)
			}
			w.done()
		})
	}
}

// A verdict that was lost is kept for the problem that it was judged by.
func TestKeptVerdictIsOfItsProblem(t *testing.T) {
	var w *world
	var lost atomic.Bool
	w = newWorld(t, onComplete(func(rw http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter)) {
		if lost.CompareAndSwap(false, true) {
			w.backEnd.UseUp("kept")
		}
		serve(rw)
	}))
	w.submit(200, "kept", "AC")
	w.done()
	p := twoTasks(50)
	p.Tasks[0].TimeLimit = 1234
	w.backEnd.SetProblem(1, p)
	w.submit(200, "kept", "AC")
	if s := w.ends("kept", 1, 0, 100); s.Tasks[0][0].ExecTime != 1234 {
		t.Errorf("a verdict by the problem as it was is sent: %v", s.Tasks)
	}
}

// A rejudge of a final job is its next generation, one of a job that waits or runs
// replaces it; another code under the same id is another job.
func TestRejudge(t *testing.T) {
	w := newWorld(t, nil)
	w.stop()
	w.config.Pace.Problem = time.Second // the problem was looked at a moment ago
	w.start()
	w.submit(200, "r", "AC 1")
	w.ends("r", 1, 0, 100)
	p := twoTasks(50)
	p.Tasks[0].TimeLimit = 1234
	w.backEnd.SetProblem(1, p)
	w.submit(200, "r", "AC 1")
	if s := w.ends("r", 2, 0, 100); s.Tasks[0][0].ExecTime != 1234 {
		t.Errorf("a rejudge by the problem as it was: %v", s.Tasks)
	}
	job := func(id string) (generation float64, state string) {
		reply, err := w.runlease.Do(t.Context(), "GET", "/jobs/"+id, "", nil)
		if err != nil || reply.Status != 200 {
			t.Fatalf("job %s: %d, %v", id, reply.Status, err)
		}
		generation, _ = reply.Data["generation"].(float64)
		state, _ = reply.Data["state"].(string)
		return generation, state
	}
	if g, _ := job("r"); g != 1 {
		t.Errorf("after a rejudge the generation is %v", g)
	}
	w.idle.Store(true)
	w.submit(200, "r", "AC 1")
	w.until("queued", func() bool { _, state := job("r"); return state == "queued" })
	if _, err := w.runlease.Do(t.Context(), "POST", "/runner/jobs/r/claim", "r", nil); err != nil {
		t.Fatal(err)
	}
	w.submit(200, "r", "AC 1") // while it runs
	w.until("replaced", func() bool { g, state := job("r"); return g == 3 && state == "queued" })
	w.idle.Store(false)
	w.ends("r", 3, 0, 100)
	w.submit(200, "r", "WA other code")
	w.ends("r", 4, 1, 0)
	if _, state := job("r-2"); state != "finished" {
		t.Errorf("the other code's job is %s", state)
	}
	w.submit(200, "r", "WA other code")
	w.ends("r", 5, 1, 0)
	w.stop()
	w.dir = t.TempDir() // another bridge, or this one without its folder
	w.start()
	w.submit(200, "r", "WA other code")
	w.ends("r", 6, 1, 0)
	if g, _ := job("r-2"); g != 2 {
		t.Errorf("the other bridge's rejudge is generation %v of the job", g)
	}
	w.done()
}

// While runlease, the back end or both are away, submissions are taken; there are
// few calls; and a restart in between loses nothing. A runlease that has lost
// everything gets it again.
func TestSidesAway(t *testing.T) {
	var away atomic.Bool
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter)) {
		if away.Load() {
			http.Error(rw, "a proxy's 504", http.StatusGatewayTimeout)
			return
		}
		serve(rw)
	})
	w.submit(200, "first", "AC")
	w.ends("first", 1, 0, 100)
	w.away.Store(true)
	before := w.asked.Load()
	for i := range 50 {
		w.submit(200, fmt.Sprintf("s%d", i), "AC")
	}
	time.Sleep(600 * time.Millisecond)
	if n := w.asked.Load() - before; n < 2 || n > 24 {
		t.Errorf("%d calls to a side that was away for 0.6 s, with 50 submissions waiting", n)
	}
	if _, body := w.get("/status?token=" + token); !strings.Contains(body, `"received":50`) || !strings.Contains(body, `"runlease":{"away":true,"lastError":"http`) {
		t.Errorf("the details are %s", body)
	}
	w.stop()
	w.start()
	away.Store(true)
	w.away.Store(false)
	w.until("judged", func() bool { _, body := w.get("/status?token=" + token); return strings.Contains(body, `"judged":`) })
	w.stop()
	w.start()
	away.Store(false)
	for i := range 50 {
		w.ends(fmt.Sprintf("s%d", i), 1, 0, 100)
	}
	w.done()
	w.idle.Store(true)
	w.submit(200, "late", "AC")
	w.until("handed in", func() bool { _, body := w.get("/status?token=" + token); return strings.Contains(body, `"handed":1`) })
	w.stop()
	w.newRunlease()
	w.config.Runlease.URL, w.config.Runlease.Token = w.runlease.URL, w.runlease.ProducerToken
	w.start()
	w.idle.Store(false)
	w.ends("late", 1, 0, 100)
}

// Texts reach the back end as it can keep them, cut if they are too large, and tell
// so.
func TestTexts(t *testing.T) {
	w := newWorld(t, nil)
	w.submit(200, "long", "AC "+strings.Repeat("\x01", 100_000))
	s := w.ends("long", 1, 0, 100)
	if got := s.Tasks[0][0].Stdout; len(got) != 64<<10+len("\n[cut here]") || !strings.HasSuffix(got, "\x01\n[cut here]") {
		t.Errorf("a long text has %d bytes and ends %q", len(got), got[max(0, len(got)-20):])
	}
	w.submit(200, "odd", "AC \xff\xed\xa0\x80 \x00 𝄞")
	if got := w.ends("odd", 1, 0, 100).Tasks[0][0].Stdout; !strings.HasPrefix(got, "AC \uFFFD") || !strings.HasSuffix(got, " \x00 𝄞") {
		t.Errorf("an odd text is %q", got)
	}
}

// A verdict of many cases takes more calls than runlease allows at once, and comes.
func TestManyCases(t *testing.T) {
	w := newWorld(t, nil)
	w.stop()
	w.rate = api.Rate{PerSecond: 100, Burst: 20}
	w.newRunlease()
	w.config.Runlease.URL, w.config.Runlease.Token = w.runlease.URL, w.runlease.ProducerToken
	w.start()
	w.backEnd.SetProblem(2, normaloj.Problem{Tasks: []normaloj.Task{{Score: 100, Cases: 99, MemoryLimit: 65536, TimeLimit: 1}}, TestData: zips.TestData(99)})
	w.submitTo(200, "many", 2, 0, zips.Code("AC 1"))
	s := w.ends("many", 1, 0, 100)
	for i, c := range s.Tasks[0] {
		if c.Stdout != "AC 1" || len(s.Tasks[0]) != 99 {
			t.Errorf("case %d is %+v", i, c)
		}
	}
}

// GET /status is what the back end needs to give a submission to a sandbox.
func TestStatus(t *testing.T) {
	w := newWorld(t, nil)
	w.idle.Store(true)
	for i := range 4 {
		w.submit(200, fmt.Sprintf("s%d", i), "AC")
	}
	for _, path := range []string{"/status", "//status", "/status?token=wrong"} {
		if status, body := w.get(path); status != 200 || body != "{\"load\":0.4}\n" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	var details struct {
		Waiting map[string]int
		Oldest  *float64 `json:"oldestSeconds"`
	}
	w.until("handed in", func() bool {
		_, body := w.get("/status?token=" + token)
		return json.Unmarshal([]byte(body), &details) == nil && details.Waiting["handed"] == 4 && details.Oldest != nil
	})
	w.stop()
	w.config.SpareDisk = 1 << 60
	w.start()
	if status, _ := w.get("/status"); status != http.StatusServiceUnavailable {
		t.Errorf("/status with a full disk: %d", status)
	}
	w.submit(500, "elsewhere", "AC") // no sandbox could be found
	w.stop()
	w.config.SpareDisk, w.config.Capacity = 0, 1
	w.start()
	w.idle.Store(false)
	for i := range 4 {
		w.ends(fmt.Sprintf("s%d", i), 1, 0, 100)
	}
}

// What is no submission is refused with the status that tells the student, and leaves
// nothing behind.
func TestSubmitRefuses(t *testing.T) {
	w := newWorld(t, nil)
	form := func(fields ...string) (contentType string, body []byte) {
		var out bytes.Buffer
		f := multipart.NewWriter(&out)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == "src" {
				file, _ := f.CreateFormFile("src", "upload")
				_, _ = io.WriteString(file, fields[i+1])
				continue
			}
			_ = f.WriteField(fields[i], fields[i+1])
		}
		_ = f.Close()
		return f.FormDataContentType(), out.Bytes()
	}
	code := string(zips.Code("AC"))
	large := strings.Repeat("x", 10<<20+1)
	for _, c := range []struct {
		name, id string
		fields   []string
		want     int
		text     string
	}{
		{"a wrong token", "a", []string{"token", "x", "problem_id", "1", "language", "0", "src", code}, 403, "invalid token"},
		{"a wrong token and much code", "a", []string{"token", "x", "problem_id", "1", "language", "0", "src", large}, 403, "invalid token"},
		{"the token behind the code", "a", []string{"problem_id", "1", "language", "0", "src", code, "token", token}, 403, "invalid token"},
		{"no problem", "a", []string{"token", token, "language", "0", "src", code}, 400, "problem_id is missing"},
		{"a problem that is no number", "a", []string{"token", token, "problem_id", "x", "language", "0", "src", code}, 400, "problem_id is no number"},
		{"a problem of 2^31", "a", []string{"token", token, "problem_id", "2147483648", "language", "0", "src", code}, 400, "problem_id is no number"},
		{"no language", "a", []string{"token", token, "problem_id", "1", "src", code}, 400, "language is missing"},
		{"no code", "a", []string{"token", token, "problem_id", "1", "language", "0"}, 400, "no file src"},
		{"too much code", "a", []string{"token", token, "problem_id", "1", "language", "0", "src", large}, 400, "too large"},
		{"a long field", "a", []string{"token", token, "checker", strings.Repeat("x", 300_000), "src", code}, 400, "too large"},
		{"an odd id", "a..b", []string{"token", token, "problem_id", "1", "language", "0", "src", code}, 400, "id of the submission"},
		{"a long id", strings.Repeat("a", 61), []string{"token", token, "problem_id", "1", "language", "0", "src", code}, 400, "id of the submission"},
	} {
		contentType, body := form(c.fields...)
		response, err := http.Post(w.url+"/submit/"+c.id, contentType, bytes.NewReader(body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != c.want || !strings.Contains(string(text), c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.name, response.StatusCode, text, c.want, c.text)
		}
	}
	response, err := http.Post(w.url+"/submit/a", "application/json", strings.NewReader("{}"))
	if err != nil || response.StatusCode != 400 {
		t.Errorf("no form: %v, %v", response, err)
	}
	w.done() // nothing waits, no file is left
}
