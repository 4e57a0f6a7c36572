package bridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/api"
	"runlease/shared/bridge"
	"runlease/shared/bridge/journal"
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

// Whatever the back end does to a verdict, it counts once. A lost verdict is
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
			if strings.HasPrefix(name, "hangs") {
				w.silence(time.Second)
			}
			close(ready)
			w.submit(200, "ffff", "WA 1")
			if c.lost {
				w.done()
				if log := w.said(); !strings.Contains(log, "a rejudge") {
					t.Error("the log does not name the cure")
				}
				if n := w.backEnd.Submission("ffff").Counted; n != 0 {
					t.Fatalf("%d verdicts of a submission whose verdict is lost", n)
				}
				w.idle.Store(true) // no runner judges it again
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
	before, begun := w.asked.Load(), time.Now()
	for i := range 50 {
		w.submit(200, fmt.Sprintf("s%d", i), "AC")
	}
	w.until("runlease is asked again", func() bool { return w.asked.Load() >= before+2 })
	time.Sleep(600 * time.Millisecond)
	if n, away := w.asked.Load()-before, time.Since(begun); n > 4+int64(away/(30*time.Millisecond)) {
		t.Errorf("%d calls to a side that was away for %v, with 50 submissions waiting", n, away)
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

// newWorldAway is a world at the pace of real use, by a clock of the test, whose back
// end is away while gone is set. calls counts the requests that it misses.
func newWorldAway(t *testing.T, gone *atomic.Bool, calls *atomic.Int64) *world {
	t.Helper()
	w := newWorldOn(t, new(hosts), func(rw http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter)) {
		if gone.Load() {
			calls.Add(1)
			http.Error(rw, "a proxy's 504", http.StatusGatewayTimeout)
			return
		}
		serve(rw)
	})
	w.stop()
	w.config.Pace = bridge.DefaultPace
	w.start()
	return w
}

// handedIn waits until n submissions wait for their verdicts.
func (w *world) handedIn(n int) {
	w.until("handed in", func() bool {
		_, body := w.get("/status?token=" + token)
		return strings.Contains(body, fmt.Sprintf(`"handed":%d`, n))
	})
}

// Each side, and both, may be away for an hour of real use, by a clock of the test: a
// side that is away costs some calls a minute at most and nothing for each submission
// that waits, and soon after it is back every submission has ended, once and right.
func TestHourAway(t *testing.T) {
	const waiting = 100
	for name, away := range map[string]struct{ runlease, backEnd bool }{"runlease": {true, false}, "the back end": {false, true}, "both": {true, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gone atomic.Bool
				var calls atomic.Int64
				w := newWorldAway(t, &gone, &calls)
				w.submit(200, "first", "AC")
				w.ends("first", 1, 0, 100)
				idle := runtime.NumGoroutine()
				w.idle.Store(true)
				for i := range waiting / 2 {
					w.submit(200, fmt.Sprint(i), "AC")
				}
				w.handedIn(waiting / 2)
				w.away.Store(away.runlease)
				gone.Store(away.backEnd)
				w.idle.Store(false)
				for i := waiting / 2; i < waiting; i++ {
					w.submit(200, fmt.Sprint(i), "AC")
				}
				time.Sleep(3 * time.Second) // what runlease has is judged
				w.idle.Store(true)
				time.Sleep(time.Hour)
				synctest.Wait()
				more := runtime.NumGoroutine() - idle
				w.idle.Store(false)
				w.away.Store(false)
				gone.Store(false)
				back := time.Now()
				for i := range waiting {
					w.ends(fmt.Sprint(i), 1, 0, 100)
				}
				w.done()
				t.Logf("in an hour %d calls to runlease, %d to the back end, with %d submissions waiting; all ended within %v", w.asked.Load(), calls.Load(), waiting, time.Since(back))
				for side, n := range map[string]int64{"runlease": w.asked.Load(), "the back end": calls.Load()} {
					if n > 180 || n < 60 && (away.runlease && side == "runlease" || away == struct{ runlease, backEnd bool }{false, true} && side != "runlease") {
						t.Errorf("%d calls to %s in an hour, want one or two a minute", n, side)
					}
				}
				if more > 30 || time.Since(back) > 5*time.Minute {
					t.Errorf("%d goroutines more with %d submissions waiting; all ended %v after the outage", more, waiting, time.Since(back))
				}
			})
		})
	}
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
	contentType, body := form("token", token, "problem_id", "1", "language", "0", "src", code)
	cut, err := http.Post(w.url+"/submit/a", contentType, bytes.NewReader(body[:len(body)-100]))
	if err != nil || cut.StatusCode != 400 {
		t.Errorf("a form that is cut off: %v, %v", cut, err)
	}
	response, err := http.Post(w.url+"/submit/a", "application/json", strings.NewReader("{}"))
	if err != nil || response.StatusCode != 400 {
		t.Errorf("no form: %v, %v", response, err)
	}
	w.done() // nothing waits, no file is left
}

// While a verdict waits for a back end that is away, the submission may come again:
// nobody waits for that, and the older verdict is not sent afterwards.
func TestComesAgainBeforeTheBackEndIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		w := newWorldAway(t, &gone, new(atomic.Int64))
		w.idle.Store(true)
		const many = 10 // one of them waits for the back end, the others for that one
		for i := range many {
			w.submit(200, fmt.Sprint(i), "AC")
		}
		w.handedIn(many)
		gone.Store(true)
		w.idle.Store(false)
		time.Sleep(3 * time.Second) // all are judged
		w.idle.Store(true)
		time.Sleep(10 * time.Minute) // until the bridge asks once a minute
		before := w.backEnd.Calls("meta")
		w.until("asked just now", func() bool { return w.backEnd.Calls("meta") > before })
		time.Sleep(time.Second)
		gone.Store(false)
		w.idle.Store(false)
		p := twoTasks(50)
		p.Tasks[0].TimeLimit = 1234
		w.backEnd.SetProblem(1, p)
		var students sync.WaitGroup
		for i := range many {
			students.Go(func() {
				came := time.Now()
				w.submit(200, fmt.Sprint(i), "AC")
				if waited := time.Since(came); waited > time.Second {
					t.Errorf("%d waited %v", i, waited)
				}
			})
		}
		students.Wait()
		for i := range many {
			if s := w.ends(fmt.Sprint(i), 1, 0, 100); s.Tasks[0][0].ExecTime != 1234 {
				t.Errorf("the older round's verdict of %d was sent: %v", i, s.Tasks)
			}
		}
		w.done()
	})
}

// A submission that was received before the clock was set back is judged at once, and
// one whose code a broken disk has lost ends with that reason.
func TestWhatTheJournalHolds(t *testing.T) {
	w := newWorld(t, nil)
	w.away.Store(true)
	w.submit(200, "later", "AC")
	w.submit(200, "lost", "AC")
	w.stop()
	j, err := journal.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"later", "lost"} {
		s, _, err := j.Update(id, func(s *journal.Submission) bool { s.ReceivedAt = s.ReceivedAt.Add(time.Hour); return true })
		if err == nil && id == "lost" {
			err = j.Remove(s.File)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	w.away.Store(false)
	w.start()
	w.ends("later", 1, 0, 100)
	if s := w.ends("lost", 1, 6, 0); !strings.Contains(s.Tasks[0][0].Stderr, "lost the code: rejudge") {
		t.Errorf("the reason is %q", s.Tasks[0][0].Stderr)
	}
}

// Slow test data delay the submissions of their problem and no others.
func TestSlowProblemsHoldNobodyUp(t *testing.T) {
	slow := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
		if strings.HasSuffix(r.URL.Path, "/testdata") && r.URL.Path != "/problem/1/testdata" {
			<-slow
		}
		serve(rw)
	})
	w.submit(200, "before", "AC")
	w.ends("before", 1, 0, 100)
	for i := 2; i < 8; i++ {
		w.backEnd.SetProblem(i, twoTasks(50))
		w.submitTo(200, fmt.Sprint(i), i, 0, zips.Code("AC"))
	}
	w.until("all wait", func() bool { return w.backEnd.Calls("testdata") == 1+4 })
	time.Sleep(200 * time.Millisecond) // what is known of problem 1 is too old
	w.submit(200, "meanwhile", "AC")
	w.ends("meanwhile", 1, 0, 100)
	close(slow)
	for i := 2; i < 8; i++ {
		w.ends(fmt.Sprint(i), 1, 0, 100)
	}
}

// A slow sender without the token delays no other.
func TestStrangersHoldNobodyUp(t *testing.T) {
	w := newWorld(t, nil)
	for range 100 {
		body, kept := io.Pipe()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/submit/a", body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		go func() {
			if response, err := w.transport().RoundTrip(r); err == nil {
				_ = response.Body.Close()
			}
		}()
		_, _ = io.WriteString(kept, "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n")
		t.Cleanup(func() { _ = kept.CloseWithError(io.ErrUnexpectedEOF) })
	}
	w.submit(200, "known", "AC")
	w.ends("known", 1, 0, 100)
}

// A disk that cannot be written to, for whatever reason, has the bridge passed over
// until it can be.
func TestBrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, new(hosts), nil)
		away := w.dir + "/away"
		if err := os.Rename(w.dir+"/code", away); err != nil {
			t.Fatal(err)
		}
		w.submit(202, "a", "AC") // the back end's word for a 500 of its sandbox
		for range 3 {
			if status, _ := w.get("/status"); status != http.StatusServiceUnavailable {
				t.Fatalf("/status with a broken disk: %d", status)
			}
			time.Sleep(10 * time.Second)
		}
		if err := os.Rename(away, w.dir+"/code"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.submit(200, "a", "AC")
		w.ends("a", 1, 0, 100)
	})
}
