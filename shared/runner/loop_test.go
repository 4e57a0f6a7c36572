package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/casefile"
	"runlease/shared/judging"
	"runlease/shared/language"
	"runlease/shared/runner/execute"
)

// during runs a runner while do is under way, drains it, and returns what Run said.
func during(t *testing.T, r *Runner, do func()) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	do()
	cancel()
	err := <-done
	if left, _ := os.ReadDir(r.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return err
}

// scene is a test in its own time, of a runner without sync.
func scene(t *testing.T, f func(t *testing.T, s *fakeServer, dir string)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(t)
		s.compat = true
		f(t, s, dir)
	})
}

// syncScene is one of a runner with sync.
func syncScene(t *testing.T, f func(t *testing.T, s *fakeServer, dir string)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { f(t, newFakeServer(t), dir) })
}

// scenes are both.
func scenes(t *testing.T, f func(t *testing.T, s *fakeServer, dir string)) {
	t.Run("compat", func(t *testing.T) { scene(t, f) })
	t.Run("sync", func(t *testing.T) { syncScene(t, f) })
}

func TestJobFromListToResult(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("j1")
		var in execute.Input
		r := newRunner(t, s, dir, execution(func(ctx context.Context, given execute.Input) ([][]execute.Case, error) {
			in = given
			for path, want := range map[string]string{in.SourceDir + "/main.py": "print(input())", in.TestDataDir + "/0000.in": "1", in.TestDataDir + "/0000.out": "1"} {
				if got, err := os.ReadFile(path); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
			return accept(70*time.Second)(ctx, given)
		}))
		if err := during(t, r, func() { time.Sleep(2 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		want := complete{Token: "claim-j1-1", Tasks: execute.Same(s.tasks, execute.AC, "")}
		if got, _ := s.result("j1"); cmp.Diff(want, got) != "" {
			t.Errorf("result (-want +got):\n%s", cmp.Diff(want, got))
		}
		if diff := cmp.Diff(s.tasks, in.Tasks); diff != "" || in.Language != execute.Python {
			t.Errorf("language %d, tasks (-want +got):\n%s", in.Language, diff)
		}
		var asked struct {
			LeaseSeconds int
		}
		if err := json.Unmarshal(s.seen("claim")[0].body, &asked); err != nil || asked.LeaseSeconds != 60 {
			t.Errorf("asked for %+v, %v", asked, err)
		}
		// 70 s of work, a heartbeat every 20 s.
		if got := len(s.seen("heartbeat")); got != 3 {
			t.Errorf("%d heartbeats, want 3", got)
		}
		if got := len(s.seen("code")) + len(s.seen("testdata")); got != 0 {
			t.Errorf("%d questions that the claim had answered", got)
		}
		if got := spooled(t, r); len(got) != 0 {
			t.Errorf("still on disk: %v", got)
		}
	})
}

// TestBarredByASeparateCall: a claim that an act was faster than says so, and so does the log.
func TestBarredByASeparateCall(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.on("claim", times(1, refuse(http.StatusConflict, "runner_barred", "it is paused until an operator resumes it")))
		r := newRunner(t, s, dir, accept(0))
		var log bytes.Buffer
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if _, done := s.result("a"); !done || strings.Count(log.String(), `no jobs" job_id=a meaning="it is paused`) != 1 {
			t.Errorf("judged later: %v, the log:\n%s", done, &log)
		}
	})
}

func TestPollsAsTheServerDirects(t *testing.T) {
	for poll, want := range map[float64]int{1: 61, 5: 13, 30: 3, 0: 1201} {
		t.Run(fmt.Sprint(poll), func(t *testing.T) {
			scene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.poll = poll
				if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(time.Minute + time.Millisecond) }); err != nil {
					t.Fatal(err)
				}
				if got := len(s.seen("list")); got != want {
					t.Errorf("%d lists in a minute, want %d", got, want)
				}
			})
		})
	}
}

func TestNotMoreJobsThanSlots(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 1
		s.add("a", "b", "c", "d", "e", "f", "g")
		var now, most atomic.Int32
		r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			return accept(10*time.Second)(ctx, in)
		}))
		r.Slots = 3
		if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 3 || len(s.results) != 7 {
			t.Errorf("%d at once, %d results; want 3 and 7", most.Load(), len(s.results))
		}
	})
}

func TestLostRaceIsNothing(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		s.on("claim", func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/a/") && refuse(409, "already_claimed", "already claimed by another runner")(w, r)
		})
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(3 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.result("b"); !ok || len(s.results) != 1 {
			t.Errorf("results: %v", s.results)
		}
	})
}

func TestDrainGivesJobsBack(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		r := newRunner(t, s, dir, accept(time.Hour))
		s.on("release", times(1, away)) // and says so again
		begin := time.Now()
		if err := during(t, r, func() { time.Sleep(10 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if s.reason("a") != "drain" || s.reason("b") != "drain" {
			t.Errorf("released: %v", s.released)
		}
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestDrainDuringAClaim(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		ctx, cancel := context.WithCancel(t.Context())
		s.on("claim", func(http.ResponseWriter, *http.Request) bool {
			s.mu.Unlock()
			cancel()
			time.Sleep(time.Second)
			s.mu.Lock()
			return false
		})
		if err := newRunner(t, s, dir, accept(time.Hour)).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s.reason("a") != "drain" {
			t.Errorf("released: %v; the job waits for its lease to end", s.released)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.on("release", broken)
		begin := time.Now()
		if err := during(t, newRunner(t, s, dir, accept(time.Hour)), func() { time.Sleep(10 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 26*time.Second {
			t.Errorf("took %v, want the grace of 15 s at most", took-10*time.Second)
		}
	})
}

func TestStopOfWork(t *testing.T) {
	for name, tc := range map[string]struct {
		heartbeat hook
		cause     error
		reason    string
	}{
		"lost lease":   {refuse(403, "not_claimed", "not claimed by this runner"), errLost, ""},
		"vanished job": {refuse(404, "not_found", "submission not found"), errLost, ""},
		"cancel": {func(w http.ResponseWriter, _ *http.Request) bool {
			send(w, 200, map[string]any{"action": "cancel"}, "heartbeat received", "")
			return true
		}, errCancelled, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				s.on("heartbeat", tc.heartbeat)
				var ended error
				var after time.Duration
				r := newRunner(t, s, dir, execution(func(ctx context.Context, _ execute.Input) ([][]execute.Case, error) {
					begin := time.Now()
					ended = sleep(ctx, time.Hour)
					after = time.Since(begin)
					return nil, ended
				}))
				if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				if !errors.Is(ended, tc.cause) || after != 20*time.Second {
					t.Errorf("work ended after %v with %v, want the first heartbeat and %v", after, ended, tc.cause)
				}
				if got := s.reason("a"); got != tc.reason {
					t.Errorf("released with %q, want %q", got, tc.reason)
				}
				if len(s.seen("complete")) != 0 || tc.reason == "" && len(s.seen("release")) != 0 {
					t.Error("said more about the job")
				}
				if r.faults.Load() != 0 {
					t.Error("counted as a fault of the runner")
				}
			})
		})
	}
}

func TestServerAwayAndBack(t *testing.T) {
	for name, gone := range map[string]hook{"no reply": broken, "503": away, "a proxy's page": func(w http.ResponseWriter, _ *http.Request) bool {
		_, err := w.Write([]byte("<html>maintenance</html>"))
		return err == nil
	}} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				// First there, then away for eight minutes in the middle of a job, then back.
				var isAway atomic.Bool
				for _, what := range []string{"list", "heartbeat", "complete", "sync"} {
					s.on(what, func(w http.ResponseWriter, r *http.Request) bool { return isAway.Load() && gone(w, r) })
				}
				s.add("a")
				r := newRunner(t, s, dir, accept(30*time.Second))
				err := during(t, r, func() {
					time.Sleep(10 * time.Second)
					isAway.Store(true)
					time.Sleep(8 * time.Minute)
					if got := spooled(t, r); len(got) != 1 {
						t.Errorf("%d results on disk while the server is away, want 1", len(got))
					}
					isAway.Store(false)
					s.add("b")
					time.Sleep(2 * time.Minute)
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := s.result("a"); !ok {
					t.Error("the result of before was not delivered")
				}
				if _, ok := s.result("b"); !ok {
					t.Error("no new job was taken")
				}
				if n := len(s.seen("list")) + len(s.seen("sync")); n > 100 {
					t.Errorf("%d lists or syncs: no backoff", n)
				}
				if got := spooled(t, r); len(got) != 0 {
					t.Errorf("still on disk: %v", got)
				}
			})
		})
	}
}

func TestResultsSurviveARestart(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.on("complete", broken)
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(10 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		s.on("complete", nil)
		r := newRunner(t, s, dir, accept(0))
		if got := spooled(t, r); len(got) != 1 {
			t.Fatalf("%d results on disk, want 1", len(got))
		}
		if err := during(t, r, func() { time.Sleep(time.Second) }); err != nil {
			t.Fatal(err)
		}
		if got, ok := s.result("a"); !ok || got.Token != "claim-a-1" {
			t.Errorf("result %+v, %v", got, ok)
		}
		if got := spooled(t, r); len(got) != 0 {
			t.Errorf("still on disk: %v", got)
		}
		if s.reason("a") != "" {
			t.Error("a finished job was given back")
		}
	})
}

func TestResultOutlivesPatience(t *testing.T) {
	scene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		s.on("complete", away)
		r := newRunner(t, s, dir, accept(0))
		r.Slots = 1
		err := during(t, r, func() {
			time.Sleep(resultPatience + time.Minute)
			if len(s.seen("claim")) != 2 {
				t.Error("the slot is not free again")
			}
			s.on("complete", nil)
			time.Sleep(2 * time.Minute)
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.results) != 2 || len(spooled(t, r)) != 0 {
			t.Errorf("%d results, %d on disk", len(s.results), len(spooled(t, r)))
		}
	})
}

func TestResultRefusedForGood(t *testing.T) {
	for name, tc := range map[string]struct {
		reply  hook
		reason string
	}{
		"lost":      {refuse(403, "not_claimed", "not claimed by this runner"), ""},
		"conflict":  {refuse(409, "result_conflict", "another result was accepted"), ""},
		"cancelled": {refuse(409, "job_cancelled", "submission is cancelled"), ""},
		"our bug":   {refuse(400, "invalid_result", "invalid result: tasks[0]"), "infra_error"}, // the claim is still good
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				s.on("complete", tc.reply)
				r := newRunner(t, s, dir, accept(0))
				if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				if n := len(s.seen("complete")); n != 1 {
					t.Errorf("sent %d times", n)
				}
				if got := spooled(t, r); len(got) != 0 {
					t.Errorf("still on disk: %v", got)
				}
				if got := s.reason("a"); got != tc.reason {
					t.Errorf("released with %q, want %q", got, tc.reason)
				}
			})
		})
	}
}

func TestTwoRefusalsStopTheRunner(t *testing.T) {
	noToken := refuse(403, "invalid_runner_token", "invalid runner token")
	t.Run("two", func(t *testing.T) {
		scene(t, func(t *testing.T, s *fakeServer, dir string) {
			s.on("list", noToken)
			if err := newRunner(t, s, dir, accept(0)).Run(t.Context()); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
			if n := len(s.seen("list")); n != 2 {
				t.Errorf("%d lists, want 2", n)
			}
		})
	})
	t.Run("one", func(t *testing.T) {
		scene(t, func(t *testing.T, s *fakeServer, dir string) {
			n := 0
			s.on("list", func(w http.ResponseWriter, r *http.Request) bool { // every other one
				n++
				return n%2 == 0 && noToken(w, r)
			})
			s.add("a")
			if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(time.Minute) }); err != nil {
				t.Errorf("got %v", err)
			}
			if n < 6 {
				t.Errorf("%d lists", n)
			}
		})
	})
	t.Run("in the middle of a job, whose result stays", func(t *testing.T) {
		scene(t, func(t *testing.T, s *fakeServer, dir string) {
			s.add("a")
			r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
				s.on("list", noToken)
				s.on("complete", noToken)
				return accept(0)(ctx, in)
			}))
			if err := r.Run(t.Context()); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
			if got := spooled(t, r); len(got) != 1 {
				t.Errorf("%d results on disk, want 1", len(got))
			}
		})
	})
}

func TestMaterialAtFault(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(s *fakeServer)
		why   string
	}{
		"code is no zip":      {func(s *fakeServer) { s.code = []byte("hello") }, "code zip: not a zip file"},
		"no source file":      {func(s *fakeServer) { s.code = pack(s.t, map[string]string{"main.c": ""}) }, "code zip: no file main.py"},
		"outside":             {func(s *fakeServer) { s.code = pack(s.t, map[string]string{"../main.py": ""}) }, "no file main.py at its root"},
		"test data is no zip": {func(s *fakeServer) { s.testData = []byte("hello") }, "test data zip: not a zip file"},
		"case missing":        {func(s *fakeServer) { s.testData = pack(s.t, map[string]string{"0000.in": ""}) }, "no file 0000.out"},
		"code too large":      {func(s *fakeServer) { s.code = make([]byte, language.MaxZip+1) }, "code zip: 10485761 bytes"},
		"problem has no data": {func(s *fakeServer) {
			s.noRefs = true
			s.on("testdata", refuse(404, "testdata_not_found", "testdata not found"))
		}, "no test data"},
		"submission has no code": {func(s *fakeServer) { s.noRefs = true; s.on("code", refuse(404, "code_not_found", "code not found")) }, "no code"},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.tasks = []execute.Task{{CaseCount: 1, MemoryLimit: 1, TimeLimit: 1}, {CaseCount: 2, MemoryLimit: 1, TimeLimit: 1}}
				if name != "case missing" {
					s.testData = pack(t, map[string]string{"0000.in": "", "0000.out": "", "0100.in": "", "0100.out": "", "0101.in": "", "0101.out": ""})
				}
				tc.spoil(s)
				s.add("a")
				if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				got, ok := s.result("a")
				if !ok || len(got.Tasks) != 2 || len(got.Tasks[1]) != 2 {
					t.Fatalf("result %+v, released with %q", got, s.reason("a"))
				}
				why := got.Tasks[0][0].Stderr
				if !strings.Contains(why, tc.why) {
					t.Errorf("reason %q, want one with %q", why, tc.why)
				}
				status := execute.JE
				if strings.Contains(why, "main.py") { // there is nothing to compile
					status = execute.CE
				}
				if diff := cmp.Diff(execute.Same(s.tasks, status, why), got.Tasks); diff != "" {
					t.Errorf("cases (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRunnerAtFault(t *testing.T) {
	wrongBytes := func(w http.ResponseWriter, _ *http.Request) bool {
		_, err := w.Write([]byte("something else"))
		return err == nil
	}
	for name, tc := range map[string]struct {
		spoil func(s *fakeServer)
		run   execution
	}{
		"executor fails": {func(*fakeServer) {}, func(context.Context, execute.Input) ([][]execute.Case, error) { return nil, errors.New("disk is full") }},
		"executor returns nonsense": {func(*fakeServer) {}, func(context.Context, execute.Input) ([][]execute.Case, error) {
			return [][]execute.Case{{{Status: "OK"}}}, nil
		}},
		"wrong bytes":     {func(s *fakeServer) { s.on("storage GET", wrongBytes) }, accept(0)},
		"storage refuses": {func(s *fakeServer) { s.on("storage GET", refuseStorage(403)) }, accept(0)},
		"object is gone":  {func(s *fakeServer) { s.on("storage GET", refuseStorage(404)) }, accept(0)},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.poll = 1
				s.add("a")
				tc.spoil(s)
				r := newRunner(t, s, dir, tc.run)
				if err := during(t, r, func() { time.Sleep(30 * time.Second) }); err != nil {
					t.Fatal(err)
				}
				if got := s.reason("a"); got != "infra_error" || len(s.results) != 0 {
					t.Errorf("released with %q, results %v", got, s.results)
				}
				if r.faultPause() != firstFaultPause {
					t.Errorf("pause %v after a fault, want %v", r.faultPause(), firstFaultPause)
				}
			})
		})
	}
}

func TestFaultyRunnerTakesFewerJobs(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 1
		for i := range 500 {
			s.add(fmt.Sprint("j", i))
		}
		r := newRunner(t, s, dir, execution(func(context.Context, execute.Input) ([][]execute.Case, error) { return nil, errors.New("disk is full") }))
		if err := during(t, r, func() { time.Sleep(10 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if n := len(s.attempts); n < 4 || n > 30 {
			t.Errorf("took %d jobs in ten minutes", n)
		}
	})
}

func TestFetching(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil     func(s *fakeServer)
		questions int // where is it?
	}{
		"as the claim says":     {func(*fakeServer) {}, 0},
		"claim does not say":    {func(s *fakeServer) { s.noRefs = true }, 2},
		"storage away for once": {func(s *fakeServer) { s.on("storage GET", times(1, away)) }, 0},
		"no reply for once":     {func(s *fakeServer) { s.on("storage GET", times(1, broken)) }, 0},
		"expired early":         {func(s *fakeServer) { s.on("storage GET", times(1, refuseStorage(403))) }, 1},
		"wrong bytes for once": {func(s *fakeServer) {
			s.on("storage GET", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
				_, err := w.Write(bytes.Repeat([]byte("x"), 100_000))
				return err == nil
			}))
		}, 1},
		"a flipped bit for once": {func(s *fakeServer) {
			s.on("storage GET", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
				code := bytes.Clone(s.code)
				code[len(code)/2] ^= 1
				_, err := w.Write(code)
				return err == nil
			}))
		}, 1},
		"nothing for once": {func(s *fakeServer) {
			s.on("storage GET", times(1, func(http.ResponseWriter, *http.Request) bool { return true }))
		}, 1},
		"code in the claim": {func(s *fakeServer) {
			s.inlined = s.code
			s.on("storage GET", func(w http.ResponseWriter, r *http.Request) bool {
				return strings.Contains(r.URL.Path, "/code/") && refuseStorage(404)(w, r)
			})
		}, 0},
		"other code in the claim": {func(s *fakeServer) { s.inlined = []byte("other") }, 1},
		"cut off for once": {func(s *fakeServer) {
			s.on("storage GET", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
				_, err := w.Write(s.code[:10])
				return err == nil
			}))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				tc.spoil(s)
				s.add("a")
				if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				if got, ok := s.result("a"); !ok || got.Tasks[0][0].Status != execute.AC {
					t.Errorf("result %+v, released with %q", got, s.reason("a"))
				}
				if n := len(s.seen("code")) + len(s.seen("testdata")); n != tc.questions {
					t.Errorf("asked %d times where it is, want %d", n, tc.questions)
				}
			})
		})
	}
}

func TestExpiredURLIsNotUsed(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		// Storage is away until the URLs of the claim have expired.
		s.on("storage GET", func(_ http.ResponseWriter, r *http.Request) bool {
			return len(s.requests) < 5 && strings.Contains(r.URL.Path, "/code/") && func() bool {
				s.mu.Unlock()
				time.Sleep(6 * time.Minute)
				s.mu.Lock()
				return false
			}()
		})
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(8 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.result("a"); !ok {
			t.Error("no result")
		}
		if n := len(s.seen("testdata")); n != 1 {
			t.Errorf("asked %d times for a new URL, want once", n)
		}
	})
}

func TestCachedTestDataCostsNoRequest(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b", "c")
		for range 2 { // also after a restart
			if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(20 * time.Second) }); err != nil {
				t.Fatal(err)
			}
			s.add("d")
		}
		if len(s.results) != 4 {
			t.Fatalf("%d results, want 4", len(s.results))
		}
		if n := len(s.seen("storage GET")); n != 4+1 {
			t.Errorf("%d fetches, want one code per job and the test data once", n)
		}
	})
}

// A checker that is a program is kept for the jobs that come, within the bound of
// the cache, and the log tells whose problem cannot be judged.
func TestJobsOfAProblemWithAChecker(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.checker = judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, File: "check.c"}
		s.testData = pack(t, map[string]string{"0000.in": "1", "0000.out": "1", "checker/check.c": "int main;"})
		s.add("a", "b")
		files := map[string]int{}
		r := newRunner(t, s, dir, execution(func(_ context.Context, in execute.Input) ([][]execute.Case, error) {
			files[in.RefereeFile]++
			if in.Checker != s.checker {
				t.Errorf("checker %+v", in.Checker)
			}
			return in.Uncompiled("main.c:1:5: warning"), os.WriteFile(in.RefereeFile, make([]byte, 2<<20), 0o600)
		}))
		var log strings.Builder
		r.Slots, r.Log = 1, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
		if err := during(t, r, func() { time.Sleep(20 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if len(files) != 1 || len(s.results) != 2 {
			t.Errorf("files %v, %d results", files, len(s.results))
		}
		if left, err := os.ReadDir(dir + "/cache"); err != nil || len(left) > 1 {
			t.Errorf("in a cache of 1 MB: %v, %v", left, err)
		}
		const want = `msg="problem cannot be judged" job_id=b problem=7 case=0000 reason="the problem's checker does not compile" stderr="check.c:1:5: warning"`
		if !strings.Contains(log.String(), want) {
			t.Errorf("log\n%s, want %s", log.String(), want)
		}
	})
}

func TestLargeOutputs(t *testing.T) {
	large := execution(func(_ context.Context, in execute.Input) ([][]execute.Case, error) {
		cases := execute.Same(in.Tasks, execute.WA, "")
		cases[0][0].Stdout = strings.Repeat("a", 2_600_000)
		cases[0][0].Stderr = "hint"
		return cases, nil
	})
	for name, tc := range map[string]struct {
		spoil func(s *fakeServer)
		named bool
	}{
		"uploaded":               {func(*fakeServer) {}, true},
		"storage away for once":  {func(s *fakeServer) { s.on("storage PUT", times(1, away)) }, true},
		"URL expired":            {func(s *fakeServer) { s.on("storage PUT", times(1, refuseStorage(403))) }, true},
		"there already":          {func(s *fakeServer) { s.on("storage PUT", refuseStorage(412)) }, true},
		"server away for a time": {func(s *fakeServer) { s.on("outputs", times(15, away)) }, true},
		"storage gone":           {func(s *fakeServer) { s.on("storage PUT", away) }, true},
		"too large for a server": {func(s *fakeServer) { s.on("outputs", refuse(400, "outputs_too_large", "outputs too large")) }, true},
		"not wanted":             {func(s *fakeServer) { s.on("outputs", refuse(200, "", "")) }, false},
		"refused afterwards": {func(s *fakeServer) {
			s.on("complete", times(1, refuse(400, "outputs_mismatch", "uploaded outputs have another size or hash")))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				tc.spoil(s)
				s.add("a")
				r := newRunner(t, s, dir, large)
				if err := during(t, r, func() { time.Sleep(9 * time.Minute) }); err != nil {
					t.Fatal(err)
				}
				got, ok := s.result("a")
				if !ok {
					t.Fatalf("no result, released with %q", s.reason("a"))
				}
				c := got.Tasks[0][0]
				if c.Status != execute.WA || c.Stdout != "" || c.Stderr != "" {
					t.Errorf("case %s with %d and %d bytes, want WA with none", c.Status, len(c.Stdout), len(c.Stderr))
				}
				if (got.Outputs != nil) != tc.named {
					t.Fatalf("outputs %+v", got.Outputs)
				}
				if got := spooled(t, r); len(got) != 0 {
					t.Errorf("still on disk: %d", len(got))
				}
				if name != "uploaded" {
					return
				}
				object := s.objects["/storage/outputs/"+got.Outputs.SHA256]
				z, err := zip.NewReader(bytes.NewReader(object), got.Outputs.Size)
				if err != nil {
					t.Fatal(err)
				}
				sizes := map[string]uint64{}
				for _, f := range z.File {
					sizes[f.Name] = f.UncompressedSize64
				}
				if diff := cmp.Diff(map[string]uint64{"0000.stdout": 2_600_000, "0000.stderr": 4}, sizes); diff != "" {
					t.Errorf("uploaded (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Outputs over the cap are named in the result, so that they read as missing, and
// the log tells of them.
func TestOutputsOverTheCap(t *testing.T) {
	huge := execution(func(_ context.Context, in execute.Input) ([][]execute.Case, error) {
		file, err := os.Create(in.OutputsFile)
		if err != nil {
			return nil, err
		}
		return execute.Same(in.Tasks, execute.AC, ""), errors.Join(file.Truncate(casefile.MaxOutputs+1), file.Close())
	})
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		var log bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		defer slog.SetDefault(before)
		s.add("a")
		if err := during(t, newRunner(t, s, dir, huge), func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		got, _ := s.result("a")
		if got.Outputs == nil || got.Outputs.Size != casefile.MaxOutputs || len(s.seen("outputs"))+len(s.seen("storage PUT")) > 0 {
			t.Errorf("outputs %+v, asked for an upload %d times", got.Outputs, len(s.seen("outputs")))
		}
		if line := fmt.Sprintf(`msg="outputs are too large to be kept" job_id=a bytes=%d`, casefile.MaxOutputs+1); !strings.Contains(log.String(), line) {
			t.Errorf("log without %s:\n%s", line, log.String())
		}
	})
}

func TestIdleExit(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		begin := time.Now()
		s.on("complete", func(w http.ResponseWriter, r *http.Request) bool {
			return time.Since(begin) < 20*time.Minute && away(w, r) // until well after its result was put off
		})
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
			return len(says(r, s).Done) > 0 && time.Since(begin) < 20*time.Minute && away(w, r)
		})
		r := newRunner(t, s, dir, accept(3*time.Minute))
		r.IdleExit = time.Minute
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, done := s.result("a"); !done || len(spooled(t, r)) != 0 {
			t.Error("it ended before its result was delivered")
		}
		second := time.Now()
		s.add("b")
		r.Executor = accept(90 * time.Second)
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(s.seen("retire")); n != 0 { // its name comes back
			t.Errorf("retired %d times", n)
		}
		if _, done := s.result("b"); !done || time.Since(second).Round(10*time.Second) != 150*time.Second {
			t.Errorf("a job of 90 s, and it ended after %v, want a minute after that", time.Since(second))
		}
	})
}

// TestLeave: a machine that goes finishes what runs, if there is time, gives back what
// does not end in time, takes nothing more, and says that its name does not come back.
func TestLeave(t *testing.T) {
	for name, tc := range map[string]struct {
		job     time.Duration // that runs when the notice comes, ten seconds after the start
		notice  time.Duration // how long before the end it comes; 0: unknown
		ends    time.Duration // after the notice
		release string
	}{
		"nothing runs":               {0, 2 * time.Minute, 0, ""},
		"a job ends in time":         {70 * time.Second, 2 * time.Minute, time.Minute, ""},
		"a job is given back":        {time.Hour, 2 * time.Minute, 100 * time.Second, "drain"},
		"a group waits for its jobs": {30 * time.Minute, 0, 30*time.Minute - 10*time.Second, ""},
	} {
		scenes(t, func(t *testing.T, s *fakeServer, dir string) {
			if s.poll = 1; tc.job > 0 {
				s.add("a")
			}
			r := newRunner(t, s, dir, accept(tc.job))
			begin := time.Now()
			r.Retire = true
			r.Leave = func(ctx context.Context) (by time.Time, err error) {
				if err := sleep(ctx, 10*time.Second); err != nil {
					return by, err
				}
				s.add("late")
				if tc.notice > 0 {
					by = time.Now().Add(tc.notice)
				}
				return by, nil
			}
			if err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin) - 10*time.Second
			if _, done := s.result("a"); done != (tc.job > 0 && tc.release == "") || s.reason("a") != tc.release || (took-tc.ends).Abs() > 2*time.Second {
				t.Errorf("%s: done %v, given back %q, ended %v after the notice", name, done, s.reason("a"), took)
			}
			if s.mu.Lock(); len(s.queue) != 1 {
				t.Errorf("%s: a job was taken after the notice", name)
			}
			s.mu.Unlock()
			if n := len(s.seen("retire")); n != 1 {
				t.Errorf("%s: retired %d times", name, n)
			}
		})
	}
}

func TestIllegalIDsAreNotClaimed(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("../../etc", "a b", "", "a.b", strings.Repeat("a", 65))
		s.poll = 1
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(10 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if n := len(s.seen("claim")) + len(s.seen("storage GET")); n != 0 {
			t.Errorf("%d requests about them", n)
		}
	})
}
