package bridge_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/testkit/normaloj"
	"runlease/shared/testkit/zips"
)

// What the back end pushes is judged, and its verdict comes back once, with the
// outputs, reckoned by the back end's own points.
func TestVerdictsComeBack(t *testing.T) {
	w := newWorld(t, nil)
	w.stop()
	w.config.Pace.Sweep = time.Hour // once, at the beginning
	w.start()
	p := twoTasks(30)
	p.Tasks[1].Score = 60 // no sum of 100, which the back end lets pass
	w.backEnd.SetProblem(2, p)
	w.submit(200, "aaaa", "AC 1")
	w.submitTo(200, "bbbb", 2, 1, zips.Code("AC 2"))
	w.submitTo(200, "cccc", 1, 2, zips.Code("WA 3"))
	defer func() { // and so by a runlease that is older than its feed
		w.noFeed.Store(true)
		w.submit(200, "dddd", "AC 4")
		w.ends("dddd", 1, 0, 100)
	}()
	if s := w.ends("aaaa", 1, 0, 100); s.Tasks[1][0] != (normaloj.Case{Status: "AC", Stdout: "AC 1", Stderr: "err", ExecTime: 1000, MemoryUsage: 2}) {
		t.Errorf("the second task is %+v", s.Tasks[1])
	}
	w.ends("bbbb", 1, 0, 90)
	w.ends("cccc", 1, 1, 0)
	w.done()
	if _, metrics := w.get("/metrics", "Authorization", "Bearer "+token); !strings.Contains(metrics, `runlease_bridge_verdicts_total{outcome="accepted"} 3`) || !strings.Contains(metrics, `runlease_bridge_waiting{state="handed"} 0`) {
		t.Error("the metrics lack the verdicts: " + metrics)
	}
	if status, _ := w.get("/metrics", "Authorization", "Bearer x"); status != http.StatusForbidden {
		t.Errorf("/metrics by a wrong token: %d", status)
	}
}

// What runlease or the bridge refuses ends as a verdict that gives the reason.
func TestWhatCannotBeJudged(t *testing.T) {
	w := newWorld(t, nil)
	for id, p := range map[int]normaloj.Problem{
		2: {},
		3: {Tasks: twoTasks(50).Tasks},
		4: {Tasks: twoTasks(50).Tasks, TestData: zips.TestData(1)},
		5: {Tasks: twoTasks(50).Tasks, TestData: []byte("no zip")},
		6: {Tasks: []normaloj.Task{{Score: 100, Cases: 0, MemoryLimit: 1, TimeLimit: 1}}, TestData: zips.TestData(1)},
		7: {Tasks: twoTasks(50).Tasks, TestData: zips.Of(zips.File{Name: "test-case/0000/in/x", Text: "1"}, zips.File{Name: "test-case/0000/STDIN"})},
	} {
		w.backEnd.SetProblem(id, p)
	}
	for _, c := range []struct {
		id                string
		problem, language int
		code              []byte
		status            string
		reason            string
	}{
		{"handwritten", 2, 0, zips.Code("AC"), "JE", "the problem has no tasks"},
		{"nodata", 3, 0, zips.Code("AC"), "JE", "the back end has no test data"},
		{"misfit", 4, 0, zips.Code("AC"), "JE", "0100.in: missing (task 1, case 0)"},
		{"nozip", 5, 0, zips.Code("AC"), "JE", "it is not a zip"},
		{"nocases", 6, 0, zips.Code("AC"), "JE", "tasks[0].caseCount: want 1 to 100"},
		{"files", 7, 0, zips.Code("AC"), "JE", "test-case/0000/in/x"},
		{"noproblem", 99, 0, zips.Code("AC"), "JE", "the back end has no such problem"},
		{"language", 1, 77, zips.Code("AC"), "JE", "no runner judges language 77"},
		{"broken", 1, 0, zips.Of(zips.File{Name: "main.py", Text: "AC"}), "CE", "want main.c at the root of the zip"},
		{"empty", 1, 0, nil, "JE", "code"},
		{"large", 1, 0, zips.Of(zips.File{Name: "main.c", Text: strings.Repeat("AC ", 100_000)}, zips.File{Name: "b", Text: noise(300_000)}), "AC", "err"},
	} {
		if c.problem == 99 {
			w.backEnd.SetProblem(99, normaloj.Problem{})
		}
		w.submitTo(200, c.id, c.problem, c.language, c.code)
		if c.problem == 99 {
			w.backEnd.RemoveProblem(99)
		}
		if c.id == "noproblem" { // the back end fails on its verdict; what matters is that it ends
			continue
		}
		w.until("verdict of "+c.id, func() bool { return w.backEnd.Submission(c.id).Counted > 0 })
		s := w.backEnd.Submission(c.id)
		if got := s.Tasks[0][0]; got.Status != c.status || !strings.Contains(got.Stderr, c.reason) || s.Counted != 1 {
			t.Errorf("%s: %d times %s %q, want %s %q", c.id, s.Counted, got.Status, got.Stderr, c.status, c.reason)
		}
	}
	w.done()
}

// noise is a text that does not shrink.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; x = x*1664525 + 1013904223 {
		fmt.Fprintf(&b, "%08x", x)
	}
	return b.String()
}

// A problem is fetched once for all that need it, again when it has changed, and
// published before anybody is judged by it.
func TestProblemIsFetchedOnce(t *testing.T) {
	w := newWorld(t, nil)
	folders := twoTasks(50)
	folders.TestData = zips.Of(zips.File{Name: "test-case/0000/STDIN", Text: "1\n2"}, zips.File{Name: "test-case/0000/STDOUT", Text: "3"}, zips.File{Name: "test-case/0000/in/"},
		zips.File{Name: "test-case/0100/STDIN", Text: "1"}, zips.File{Name: "test-case/0100/STDOUT", Text: "3"}, zips.File{Name: "chaos/a.h", Text: "x"})
	w.backEnd.SetProblem(2, folders)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { w.submitTo(200, fmt.Sprintf("s%d", i), 2, 0, zips.Code("AC")) })
	}
	all.Wait()
	for i := range 100 {
		w.ends(fmt.Sprintf("s%d", i), 1, 0, 100)
	}
	if n := w.backEnd.Calls("testdata"); n != 1 {
		t.Errorf("test data were fetched %d times for a hundred submissions", n)
	}
	begun, asked := time.Now(), w.backEnd.Calls("checksum")
	folders.Tasks[1].TimeLimit = 1700
	folders.Tasks = append([]normaloj.Task(nil), folders.Tasks...)
	w.backEnd.SetProblem(2, folders)
	for i := range 30 { // rejudges, each of which needs the problem as it is now
		w.submitTo(200, fmt.Sprintf("s%d", i), 2, 0, zips.Code("AC"))
	}
	for i := range 30 {
		if s := w.ends(fmt.Sprintf("s%d", i), 2, 0, 100); s.Tasks[1][0].ExecTime != 1700 {
			t.Errorf("rejudge %d was judged by the problem as it was: %v", i, s.Tasks)
		}
	}
	if n, most := w.backEnd.Calls("checksum")-asked, 2+int(time.Since(begun)/w.config.Pace.Problem); n > most || w.backEnd.Calls("testdata") != 2 {
		t.Errorf("%d checksums, at most %d are due; test data %d times, want 2", n, most, w.backEnd.Calls("testdata"))
	}
}

// Test data may come as slowly as they like, but not stop; and what changes while it
// is fetched is fetched again.
func TestSlowTestData(t *testing.T) {
	var silent, slow, changed atomic.Bool
	var w *world
	w = newWorld(t, func(rw http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
		switch testdata := strings.HasSuffix(r.URL.Path, "/testdata"); {
		case testdata && silent.CompareAndSwap(true, false):
			_, _ = io.WriteString(rw, "PK")
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		case testdata && slow.CompareAndSwap(true, false):
			serve(dripping{rw})
		case strings.HasSuffix(r.URL.Path, "/meta") && changed.CompareAndSwap(true, false):
			w.backEnd.SetProblem(1, twoTasks(20))
			serve(rw)
		default:
			serve(rw)
		}
	})
	w.silence(3 * time.Second)
	silent.Store(true)
	w.submit(200, "silent", "AC")
	w.ends("silent", 1, 0, 100)
	p := twoTasks(50)
	p.TestData = zips.Of(zips.File{Name: "0000.in", Text: strings.Repeat("\n", 60) /* 3.6 s, longer than the silence that is borne */}, zips.File{Name: "0000.out"}, zips.File{Name: "0100.in"}, zips.File{Name: "0100.out"})
	w.backEnd.SetProblem(2, p)
	slow.Store(true)
	w.submitTo(200, "slow", 2, 0, zips.Code("AC"))
	w.ends("slow", 1, 0, 100)
	if n := w.backEnd.Calls("testdata"); n != 3 {
		t.Errorf("test data were fetched %d times, want 3: silent, again, slow", n)
	}
	changed.Store(true)
	w.backEnd.SetProblem(1, twoTasks(40))
	w.submit(200, "silent", "AC")
	w.ends("silent", 2, 0, 100)
	if n := w.backEnd.Calls("testdata"); n != 5 {
		t.Errorf("test data were fetched %d times, want 5: those that changed meanwhile again", n)
	}
}

// dripping writes slowly.
type dripping struct{ http.ResponseWriter }

func (d dripping) Write(p []byte) (int, error) {
	time.Sleep(60 * time.Millisecond)
	return d.ResponseWriter.Write(p)
}

func (d dripping) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// A problem that has another number of tasks than its verdict has it judged again:
// with an AC for a task that is gone, the back end would lose the verdict.
func TestProblemChangesWhileJudged(t *testing.T) {
	w := newWorld(t, nil)
	w.idle.Store(true)
	w.submit(200, "less", "AC")
	w.until("handed in", func() bool { _, body := w.get("/status?token=" + token); return strings.Contains(body, `"handed":1`) })
	one := normaloj.Problem{Tasks: []normaloj.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 700}}, TestData: zips.TestData(1)}
	// Claimed by the old version, it is judged by that.
	w.judge(t.Context(), w.runlease)
	w.backEnd.SetProblem(1, one)
	w.idle.Store(false)
	if s := w.ends("less", 1, 0, 100); len(s.Tasks) != 1 || s.Tasks[0][0].ExecTime != 700 {
		t.Errorf("judged by the problem as it was: %v", s.Tasks)
	}
	w.idle.Store(true)
	w.submit(200, "gone", "AC")
	w.until("handed in", func() bool { _, body := w.get("/status?token=" + token); return strings.Contains(body, `"handed":1`) })
	w.backEnd.RemoveProblem(1)
	w.idle.Store(false)
	w.done() // nothing can be sent; it does not stay for ever
}
