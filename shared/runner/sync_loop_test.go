package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/runner/execute"
)

// said is what a sync said, and when.
type said struct {
	At           time.Duration // since the first
	Slots        int
	Done, Active []string // ids, sorted
}

func syncs(t *testing.T, s *fakeServer) []said {
	t.Helper()
	var all []said
	seen := s.seen("sync")
	for _, request := range seen {
		var body syncBody
		if err := json.Unmarshal(request.body, &body); err != nil {
			t.Fatal(err)
		}
		one := said{At: request.at.Sub(seen[0].at), Slots: body.Slots}
		for _, d := range body.Done {
			one.Done = append(one.Done, d.ID)
		}
		for _, a := range body.Active {
			one.Active = append(one.Active, a.ID)
		}
		slices.Sort(one.Done)
		slices.Sort(one.Active)
		all = append(all, one)
	}
	return all
}

// lasting is an executor whose jobs take the given times, in the order in
// which they are begun; the last one's for all that follow.
func lasting(durations ...time.Duration) execution {
	next := make(chan time.Duration, len(durations))
	for _, d := range durations[:len(durations)-1] {
		next <- d
	}
	last := durations[len(durations)-1]
	return func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
		select {
		case d := <-next:
			return accept(d)(ctx, in)
		default:
			return accept(last)(ctx, in)
		}
	}
}

// says tells what kind of sync a hook has before it.
func says(r *http.Request, s *fakeServer) (body syncBody) {
	if err := json.Unmarshal(s.requests[len(s.requests)-1].body, &body); err != nil {
		s.t.Error(err, r.URL)
	}
	return body
}

// pausing lets other requests through while a hook sleeps.
func (s *fakeServer) pausing(sleep func()) {
	s.mu.Unlock()
	defer s.mu.Lock()
	sleep()
}

// requested counts the requests to the API, sync or not.
func (s *fakeServer) requested() (sync, other int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		switch {
		case r.what == "sync":
			sync++
		case !strings.HasPrefix(r.what, "storage"):
			other++
		}
	}
	return sync, other
}

func TestSyncFromClaimToResult(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		r := newRunner(t, s, dir, lasting(70*time.Second, time.Second))
		r.Slots = 1
		if err := during(t, r, func() { time.Sleep(72 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		want := []said{
			{0, 1, nil, nil},
			{20 * time.Second, 0, nil, []string{"a"}},
			{40 * time.Second, 0, nil, []string{"a"}},
			{60 * time.Second, 0, nil, []string{"a"}},
			{70 * time.Second, 1, []string{"a"}, nil},
			{71 * time.Second, 1, []string{"b"}, nil},
		}
		if diff := cmp.Diff(want, syncs(t, s)); diff != "" {
			t.Errorf("syncs (-want +got):\n%s", diff)
		}
		for _, id := range []string{"a", "b"} {
			want := complete{Token: "claim-" + id + "-1", Tasks: execute.Same(s.tasks, execute.AC, "")}
			if got, _ := s.result(id); cmp.Diff(want, got) != "" {
				t.Errorf("result of %s (-want +got):\n%s", id, cmp.Diff(want, got))
			}
		}
		var asked map[string]any
		if err := json.Unmarshal(s.seen("sync")[0].body, &asked); err != nil || asked["leaseSeconds"] != 60.0 {
			t.Errorf("asked for %v, %v", asked, err)
		}
		if _, other := s.requested(); other != 0 || len(spooled(t, r)) != 0 {
			t.Errorf("%d requests beside sync, %d results on disk", other, len(spooled(t, r)))
		}
	})
}

func TestOneCallPerJob(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		const jobs = 100
		for i := range jobs {
			s.add(fmt.Sprint("j", i))
		}
		n := 0
		s.on("sync", func(http.ResponseWriter, *http.Request) bool { // which takes its time
			n++
			s.pausing(func() { time.Sleep(time.Duration(20+n%7) * time.Millisecond) })
			return false
		})
		var durations []time.Duration // never two jobs at the same instant
		for i := range jobs {
			durations = append(durations, 2*time.Second+time.Duration(i*i%97)*31*time.Millisecond)
		}
		r := newRunner(t, s, dir, lasting(durations...))
		r.Slots = 4
		var begin, end time.Time
		if err := during(t, r, func() {
			begin = time.Now()
			for s.accepted() < jobs {
				time.Sleep(10 * time.Millisecond)
			}
			end = time.Now()
		}); err != nil {
			t.Fatal(err)
		}
		calls, other := s.requested()
		if calls > jobs*105/100+2 || other != 0 {
			t.Errorf("%d syncs and %d other calls for %d jobs, want at most 1.05 per job", calls, other, jobs)
		}
		// The slots were not idle for it.
		var work time.Duration
		for _, d := range durations {
			work += d
		}
		if took := end.Sub(begin); took > work/4*106/100 {
			t.Errorf("took %v, want little more than %v", took, work/4)
		}
		for _, call := range syncs(t, s) {
			if len(call.Active) > 0 {
				t.Errorf("heartbeat of short jobs: %+v", call)
			}
		}
	})
}

func (s *fakeServer) claimed(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts[id]
}

// TestBarred: a runner that gets no jobs tells why, once, and takes some when it may
// again; a retired one finishes what runs and ends.
func TestBarred(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 1
		s.add("a")
		r := newRunner(t, s, dir, accept(30*time.Second))
		var log bytes.Buffer
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		set := func(why string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.barred = why
		}
		begin := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			set("runner_draining")
			s.add("b")
			time.Sleep(50 * time.Second)
			if _, done := s.result("a"); !done || s.claimed("b") != 0 {
				t.Error("what ran has not ended, or another job was given out")
			}
			set("")
			time.Sleep(10 * time.Second) // b runs until a minute and 30 s
			set("runner_retired")
			time.Sleep(5 * time.Second)
			set("") // by mistake: it is too late
			s.add("c")
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if _, done := s.result("b"); !done || s.claimed("c") != 0 || time.Since(begin) < 90*time.Second || time.Since(begin) > 95*time.Second {
			t.Errorf("b ended: %v, c claimed %d times, the runner ended after %v", done, s.claimed("c"), time.Since(begin))
		}
		for _, line := range []string{"no jobs\" why=runner_draining", "jobs again", "retired for ever"} {
			if strings.Count(log.String(), line) != 1 {
				t.Errorf("not once in the log: %s\n%s", line, &log)
			}
		}
	})
}

func (s *fakeServer) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.results)
}

func TestIdleSyncsAsTheServerDirects(t *testing.T) {
	for poll, want := range map[float64]time.Duration{1: time.Second, 20: 20 * time.Second, 0: leastPoll} {
		t.Run(fmt.Sprint(poll), func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.poll = poll
				if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(100*want + want/2) }); err != nil {
					t.Fatal(err)
				}
				all := syncs(t, s)
				if n := len(all); n < 90 || n > 112 {
					t.Errorf("%d syncs in the time of 100", n)
				}
				gaps := map[time.Duration]bool{}
				for i, call := range all[1:] {
					gap := call.At - all[i].At
					if gaps[gap] = true; gap < want*3/4 || gap > want*5/4+time.Millisecond || call.Slots != 2 {
						t.Errorf("sync with %d slots after %v, want 2 and %v give or take a quarter", call.Slots, gap, want)
					}
				}
				if poll > 0 && len(gaps) < 50 {
					t.Errorf("only %d different waits of %d: no jitter", len(gaps), len(all))
				}
			})
		})
	}
}

func TestMoreIsAskedForAtOnce(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 0 // there is more, says the server, but it finds one at a time
		s.on("sync", func(http.ResponseWriter, *http.Request) bool {
			s.queue = []string{fmt.Sprint("j", len(s.attempts))}
			return false
		})
		r := newRunner(t, s, dir, accept(time.Minute))
		r.Slots = 4
		if err := during(t, r, func() { time.Sleep(time.Second) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]said{{Slots: 4}, {Slots: 3}, {Slots: 2}, {Slots: 1}}, syncs(t, s)); diff != "" {
			t.Errorf("syncs (-want +got):\n%s", diff)
		}
	})
}

func TestNoHeartbeatBeforeAQuarterOfTheLease(t *testing.T) {
	for took, want := range map[time.Duration]int{14 * time.Second: 0, 17 * time.Second: 1, 19 * time.Second: 1} {
		t.Run(took.String(), func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.poll = 1 // of a slot that stays free: a chance every second
				s.add("a")
				if err := during(t, newRunner(t, s, dir, accept(took)), func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				var beats []time.Duration
				for _, call := range syncs(t, s) {
					if len(call.Active) > 0 {
						beats = append(beats, call.At)
					}
				}
				if len(beats) != want || want > 0 && (beats[0] < 15*time.Second || beats[0] > 16300*time.Millisecond) {
					t.Errorf("heartbeats at %v, want %d, taken along by the first sync after 15 s", beats, want)
				}
			})
		})
	}
}

func TestQuarterOfALongLease(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		r := newRunner(t, s, dir, accept(10*time.Minute))
		r.Slots, r.Lease = 1, 15*time.Minute
		s.on("sync", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
			s.queue = []string{"a"}
			claim := s.claim("a", 900)
			claim["heartbeatSeconds"] = 60
			send(w, 200, map[string]any{"jobs": []any{claim}}, "ok", "")
			return true
		}))
		if err := during(t, r, func() { time.Sleep(8 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if all := syncs(t, s); len(all) != 3 || all[1].At != 225*time.Second || all[2].At != 450*time.Second {
			t.Errorf("syncs %+v, want heartbeats after 225 s and 450 s", all)
		}
	})
}

func TestHeartbeatsAreMerged(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 3600
		s.add("a")
		r := newRunner(t, s, dir, lasting(18*time.Second, time.Hour))
		r.Slots = 3
		if err := during(t, r, func() {
			time.Sleep(10 * time.Second)
			s.add("b", "c", "d") // found when a ends
			time.Sleep(time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		want := []said{
			{0, 3, nil, nil},
			{18 * time.Second, 3, []string{"a"}, nil},
			{38 * time.Second, 0, nil, []string{"b", "c", "d"}},
			{58 * time.Second, 0, nil, []string{"b", "c", "d"}},
		}
		if diff := cmp.Diff(want, syncs(t, s)); diff != "" {
			t.Errorf("syncs (-want +got):\n%s", diff)
		}
	})
	t.Run("into that of a result, those that are due soon", func(t *testing.T) {
		syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
			s.poll = 3600
			s.add("a", "b")
			if err := during(t, newRunner(t, s, dir, lasting(16*time.Second, time.Hour, time.Hour)), func() {
				time.Sleep(10 * time.Second)
				s.add("c")
				time.Sleep(30 * time.Second)
			}); err != nil {
				t.Fatal(err)
			}
			all := syncs(t, s)
			// c was claimed by the call at 16 s, b heard by it: both are due at 36 s.
			if len(all) != 3 || len(all[1].Done) != 1 || len(all[1].Active) != 1 || all[1].At != 16*time.Second ||
				all[2].At != 36*time.Second || len(all[2].Active) != 2 {
				t.Errorf("syncs %+v", all)
			}
		})
	})
}

func TestSyncStopsWork(t *testing.T) {
	for action, tc := range map[string]struct {
		cause  error
		reason string
	}{"cancel": {errCancelled, "cancelled"}, "lost": {errLost, ""}} {
		t.Run(action, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a", "b")
				s.actions["a"] = action
				var ended []error
				r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
					if err := sleep(ctx, 30*time.Second); err != nil {
						ended = append(ended, err)
						time.Sleep(25 * time.Second) // until all its processes are gone
						return nil, err
					}
					return accept(0)(ctx, in)
				}))
				if err := during(t, r, func() {
					time.Sleep(25 * time.Second)
					s.add("c") // takes the slot
					time.Sleep(time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				if len(ended) != 1 || !errors.Is(ended[0], tc.cause) {
					t.Errorf("ended with %v, want %v", ended, tc.cause)
				}
				if got := s.reason("a"); got != tc.reason || tc.reason == "" && len(s.seen("release")) != 0 {
					t.Errorf("released with %q, want %q", got, tc.reason)
				}
				if _, ok := s.results["a"]; ok || len(s.results) != 2 {
					t.Errorf("results %v, want those of b and c", s.results)
				}
				if r.faults.Load() != 0 {
					t.Error("counted as a fault of the runner")
				}
				if action != "lost" {
					return
				}
				for _, call := range syncs(t, s) {
					if call.At > 20*time.Second && slices.Contains(call.Active, "a") {
						t.Errorf("said more about a lost job: %+v", call)
					}
				}
			})
		})
	}
}

func TestLeaseBeginsBeforeTheReply(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.on("sync", times(1, func(http.ResponseWriter, *http.Request) bool {
			s.pausing(func() { time.Sleep(8 * time.Second) })
			return false
		}))
		r := newRunner(t, s, dir, accept(time.Hour))
		r.Slots = 1
		if err := during(t, r, func() { time.Sleep(25 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if all := syncs(t, s); len(all) != 2 || all[1].At != 20*time.Second {
			t.Errorf("syncs %+v, want a heartbeat at 20 s", all)
		}
	})
}

func TestReplacedClaimIsStopped(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		var n atomic.Int32
		r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
			if n.Add(1) == 1 {
				err := sleep(ctx, time.Hour)
				if !errors.Is(err, errLost) {
					t.Errorf("ended with %v", err)
				}
				time.Sleep(30 * time.Second) // until all its processes are gone
				return nil, err
			}
			return accept(30*time.Second)(ctx, in)
		}))
		if err := during(t, r, func() {
			time.Sleep(6 * time.Second)
			s.add("a")
			time.Sleep(time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		for _, request := range s.seen("sync") {
			if bytes.Contains(request.body, []byte("claim-a-1")) {
				t.Errorf("said of the replaced claim: %s", request.body)
			}
		}
		if got, ok := s.result("a"); !ok || got.Token != "claim-a-2" {
			t.Errorf("result %+v", got)
		}
	})
}

func TestFailedItemIsRepeated(t *testing.T) {
	for name, spoil := range map[string]func(s *fakeServer){
		"internal error": func(s *fakeServer) { s.verdicts["a"] = "internal_error" },
		"no answer": func(s *fakeServer) {
			s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
				body := says(r, s)
				if len(body.Done) == 0 || body.Done[0].ID != "a" {
					return false
				}
				jobs := []any{}
				if len(s.queue) > 0 && body.Slots > 0 {
					jobs = append(jobs, s.claim(s.queue[0], 60))
				}
				send(w, 200, map[string]any{"done": []any{}, "active": []any{}, "jobs": jobs, "pollSeconds": 5}, "ok", "")
				return true
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				for _, id := range []string{"a", "b", "c", "d"} {
					s.add(id)
				}
				spoil(s)
				r := newRunner(t, s, dir, accept(time.Second))
				r.Slots = 1
				if err := during(t, r, func() {
					time.Sleep(3 * time.Minute)
					// b came with the call that had a's result. No more: a holds its slot again.
					if s.claimed("b") != 1 || s.claimed("c") != 0 || s.accepted() != 1 {
						t.Errorf("b claimed %d times, c %d, %d results", s.claimed("b"), s.claimed("c"), s.accepted())
					}
					if got := spooled(t, r); len(got) != 1 || got[0].JobID != "a" {
						t.Errorf("on disk: %v", got)
					}
					s.mu.Lock()
					delete(s.verdicts, "a")
					s.hooks = map[string]hook{}
					s.mu.Unlock()
					time.Sleep(time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				repeated := 0
				for _, call := range syncs(t, s) {
					if slices.Contains(call.Done, "a") {
						repeated++
					}
				}
				if repeated < 6 || repeated > 30 {
					t.Errorf("sent %d times in three minutes", repeated)
				}
				if _, other := s.requested(); len(s.results) != 4 || other != 0 || len(spooled(t, r)) != 0 {
					t.Errorf("%d results, %d calls beside sync, %d on disk", len(s.results), other, len(spooled(t, r)))
				}
			})
		})
	}
}

func TestHeldWhileItsResultIsNotTaken(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.verdicts["a"] = "internal_error"
		if err := during(t, newRunner(t, s, dir, accept(time.Second)), func() { time.Sleep(5 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		last := time.Duration(0)
		for _, call := range syncs(t, s) {
			if slices.Contains(call.Active, "a") {
				if call.At-last > 40*time.Second {
					t.Errorf("no heartbeat from %v to %v", last, call.At)
				}
				last = call.At
			}
		}
		if last < 4*time.Minute {
			t.Errorf("last heartbeat at %v", last)
		}
	})
}

func TestItemRefusedForGood(t *testing.T) {
	for code, reason := range map[string]string{
		"not_claimed_by_runner": "", "invalid_submission_token": "", "result_conflict": "", "job_cancelled": "",
		"invalid_result": "infra_error", "outputs_mismatch": "infra_error", "a_word_of_the_future": "infra_error", // the claim is still good
	} {
		t.Run(code, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a", "b")
				s.verdicts["a"] = code
				r := newRunner(t, s, dir, accept(time.Second))
				if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				sent := 0
				for _, call := range syncs(t, s) {
					sent += len(call.Done)
				}
				if sent != 2 || len(spooled(t, r)) != 0 {
					t.Errorf("%d results sent, %d on disk", sent, len(spooled(t, r)))
				}
				if got := s.reason("a"); got != reason || reason == "" && len(s.seen("release")) != 0 {
					t.Errorf("released with %q, want %q", got, reason)
				}
				if _, ok := s.result("b"); !ok {
					t.Error("the other result was not accepted")
				}
			})
		})
	}
}

func TestLostReply(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		lose := true
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
			if lose && len(says(r, s).Done) > 0 {
				lose = false
				w.Header().Set("Break", "yes") // once all is done
			}
			return false
		})
		r := newRunner(t, s, dir, accept(time.Second))
		r.Slots = 1
		if err := during(t, r, func() {
			time.Sleep(30 * time.Second)
			if s.claimed("b") != 1 || s.accepted() != 1 {
				t.Errorf("b claimed %d times, %d results", s.claimed("b"), s.accepted())
			}
			s.add("b") // its lease is over
			time.Sleep(30 * time.Second)
		}); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.result("b"); got.Token != "claim-b-2" {
			t.Errorf("result of b: %+v", got)
		}
		all := syncs(t, s)
		if diff := cmp.Diff([]string{"a"}, all[2].Done); diff != "" || all[2].At > 2*time.Second || len(spooled(t, r)) != 0 {
			t.Errorf("third sync %+v, %d on disk", all[2], len(spooled(t, r)))
		}
	})
}

func TestRefusedAsAWhole(t *testing.T) {
	for name, refusal := range map[string]hook{
		"too large, says a proxy": func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(413); return true },
		"malformed":               refuse(400, "invalid_body", "invalid body"),
		"gone":                    refuse(404, "not_found", "submission not found"),
	} {
		t.Run(name, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a", "b", "c")
				s.on("sync", func(w http.ResponseWriter, r *http.Request) bool { return len(says(r, s).Done) > 0 && refusal(w, r) })
				s.on("complete", func(w http.ResponseWriter, r *http.Request) bool { // only one is at fault
					return strings.Contains(r.URL.Path, "/a/") && refuse(400, "invalid_result", "invalid result")(w, r)
				})
				r := newRunner(t, s, dir, accept(time.Second))
				r.Slots = 3
				if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
					t.Fatal(err)
				}
				if n := len(s.seen("list")); n != 0 {
					t.Errorf("%d lists: gave sync up", n)
				}
				if len(s.results) != 2 || s.reason("a") != "infra_error" || len(s.seen("complete")) != 3 || len(spooled(t, r)) != 0 {
					t.Errorf("results %v, released %v, %d completes, %d on disk", s.results, s.released, len(s.seen("complete")), len(spooled(t, r)))
				}
			})
		})
	}
}

func TestBodiesStayUnderTheCap(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b", "c", "d", "e")
		r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
			cases, err := accept(time.Second)(ctx, in) // all at once
			if err == nil {
				cases[0][0].Stdout = strings.Repeat("a", 1_000_000)
			}
			return cases, err
		}))
		r.Slots = 5
		s.on("sync", func(_ http.ResponseWriter, r *http.Request) bool {
			if len(says(r, s).Done) > 0 { // the others are ready before the reply
				s.pausing(func() { time.Sleep(time.Second) })
			}
			return false
		})
		if err := during(t, r, func() { time.Sleep(5 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, request := range s.seen("sync") {
			if len(request.body) > 3_000_000 {
				t.Errorf("body of %d bytes", len(request.body))
			}
			if bytes.Contains(request.body, []byte("aaaa")) {
				calls++
			}
		}
		if _, other := s.requested(); calls != 3 || other != 0 || len(s.results) != 5 {
			t.Errorf("%d syncs and %d other calls for %d results", calls, other, len(s.results))
		}
	})
}

// unknownRoutes are the ways to say that there is no sync.
var unknownRoutes = map[string]hook{
	"in our words":       refuse(404, "unknown_route", "no such route"),
	"without a code":     refuse(404, "", "not found"),
	"of another one":     func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(404); return true },
	"wrong method":       refuse(405, "method_not_allowed", "method not allowed"),
	"405 of another one": func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(405); return true },
}

func TestServerWithoutSync(t *testing.T) {
	for name, unknown := range unknownRoutes {
		t.Run(name, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.on("sync", unknown)
				s.add("a", "b", "c")
				r := newRunner(t, s, dir, accept(50*time.Second))
				var log bytes.Buffer
				r.Log = slog.New(slog.NewTextHandler(&log, nil))
				if err := during(t, r, func() { time.Sleep(3 * time.Minute) }); err != nil {
					t.Fatal(err)
				}
				want := 1
				if strings.Contains(name, "another") { // it is believed the third time, if the server answers a list
					want = strangersToAsk
				}
				if calls, _ := s.requested(); calls != want || len(s.results) != 3 || len(s.seen("complete")) != 3 || len(s.seen("heartbeat")) != 6 {
					t.Errorf("%d syncs, %d results, %d completes, %d heartbeats", calls, len(s.results), len(s.seen("complete")), len(s.seen("heartbeat")))
				}
				if n := strings.Count(log.String(), "the server has no sync"); n != 1 {
					t.Errorf("logged %d times:\n%s", n, log.String())
				}
			})
		})
	}
}

func TestCompatIsAsked(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.compat = true
		s.add("a")
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if calls, _ := s.requested(); calls != 0 || len(s.results) != 1 {
			t.Errorf("%d syncs, %d results", calls, len(s.results))
		}
	})
}

func TestSyncGoesAwayInTheMiddle(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		long := `"a"`
		r := newRunner(t, s, dir, lasting(10*time.Second, 85*time.Second, time.Second))
		begin := time.Now()
		if err := during(t, r, func() {
			time.Sleep(9900 * time.Millisecond)
			s.on("sync", refuse(404, "unknown_route", "no such route"))
			time.Sleep(5 * time.Second)
			if s.accepted() != 1 || r.free() != 1 {
				t.Errorf("%d results, %d slots free; want that of the short job, and its slot", s.accepted(), r.free())
			}
			if _, is := s.result("a"); is {
				long = `"b"`
			}
			s.add("next")
			time.Sleep(2 * time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		if calls, _ := s.requested(); calls != 2 || len(s.results) != 3 || len(s.seen("complete")) != 3 {
			t.Errorf("%d syncs, %d results, %d completes", calls, len(s.results), len(s.seen("complete")))
		}
		var beats []time.Duration
		for _, b := range s.seen("heartbeat") {
			if bytes.Contains(b.body, []byte(long)) {
				beats = append(beats, b.at.Sub(begin).Truncate(time.Second))
			}
		}
		// At once: it is not known how long ago the last one was.
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 30 * time.Second, 50 * time.Second, 70 * time.Second}, beats); diff != "" {
			t.Errorf("heartbeats (-want +got):\n%s", diff)
		}
	})
}

func TestSyncTwoRefusalsStopTheRunner(t *testing.T) {
	noToken := refuse(403, "invalid_runner_token", "invalid runner token")
	t.Run("two", func(t *testing.T) {
		syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
			s.on("sync", noToken)
			if err := newRunner(t, s, dir, accept(0)).Run(t.Context()); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
			if calls, other := s.requested(); calls != 2 || other != 0 {
				t.Errorf("%d syncs, %d other calls", calls, other)
			}
		})
	})
	t.Run("one", func(t *testing.T) {
		syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
			n := 0
			s.on("sync", func(w http.ResponseWriter, r *http.Request) bool { // every other one
				n++
				return n%2 == 0 && noToken(w, r)
			})
			s.add("a", "b", "c")
			if err := during(t, newRunner(t, s, dir, accept(time.Second)), func() { time.Sleep(time.Minute) }); err != nil {
				t.Errorf("got %v", err)
			}
			if len(s.results) != 3 || n < 6 {
				t.Errorf("%d results, %d syncs", len(s.results), n)
			}
		})
	})
	t.Run("in the middle of jobs, whose results stay", func(t *testing.T) {
		syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
			s.add("a", "b")
			s.on("complete", noToken)
			r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
				s.on("sync", noToken)
				if err := sleep(ctx, time.Second); err != nil {
					time.Sleep(time.Second) // b is ready when all is over
				}
				return accept(0)(context.WithoutCancel(ctx), in)
			}))
			begin := time.Now()
			if err := r.Run(t.Context()); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
			if got := spooled(t, r); len(got) != 2 || len(s.released) != 0 {
				t.Errorf("%d results on disk, want 2; released %v", len(got), s.released)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	})
}

func TestDrainDuringASync(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		ctx, cancel := context.WithCancel(t.Context())
		s.on("sync", times(1, func(http.ResponseWriter, *http.Request) bool {
			s.pausing(func() { cancel(); time.Sleep(time.Second) })
			return false
		}))
		if err := newRunner(t, s, dir, accept(time.Hour)).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s.reason("a") != "drain" {
			t.Errorf("released: %v; the job waits for its lease to end", s.released)
		}
	})
}

func TestDrainDeliversResults(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		r := newRunner(t, s, dir, lasting(time.Second, time.Hour))
		gone := true
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
			body := says(r, s)
			return gone && len(body.Done) > 0 && broken(w, r)
		})
		begin := time.Now()
		if err := during(t, r, func() {
			time.Sleep(3 * time.Second)
			time.AfterFunc(time.Second, func() { s.mu.Lock(); gone = false; s.mu.Unlock() })
		}); err != nil {
			t.Fatal(err)
		}
		if len(s.results) != 1 || len(s.released) != 1 || len(spooled(t, r)) != 0 || time.Since(begin) > 3*time.Second+r.Grace {
			t.Errorf("results %v, released %v after %v", s.results, s.released, time.Since(begin))
		}
		for _, call := range syncs(t, s) {
			if call.At >= 3*time.Second && call.Slots > 0 {
				t.Errorf("asked for jobs while stopping: %+v", call)
			}
		}
	})
}

func TestSyncedResultsSurviveARestart(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool { return len(says(r, s).Done) > 0 && broken(w, r) })
		begin := time.Now()
		if err := during(t, newRunner(t, s, dir, accept(0)), func() { time.Sleep(10 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 26*time.Second {
			t.Errorf("took %v, want the grace of 15 s at most", took-10*time.Second)
		}
		s.on("sync", nil)
		r := newRunner(t, s, dir, accept(0))
		if got := spooled(t, r); len(got) != 1 {
			t.Fatalf("%d results on disk, want 1", len(got))
		}
		if err := during(t, r, func() { time.Sleep(time.Second) }); err != nil {
			t.Fatal(err)
		}
		if got, ok := s.result("a"); !ok || got.Token != "claim-a-1" || len(spooled(t, r)) != 0 || s.reason("a") != "" {
			t.Errorf("result %+v, %v, released with %q", got, ok, s.reason("a"))
		}
	})
}

func TestSyncedResultOutlivesPatience(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a", "b")
		s.verdicts["a"] = "internal_error"
		s.on("complete", away)
		r := newRunner(t, s, dir, accept(0))
		r.Slots = 1
		err := during(t, r, func() {
			time.Sleep(10 * time.Minute)
			s.add("c")
			if n := len(s.seen("complete")); n != 0 {
				t.Errorf("given up within ten minutes: %d completes", n)
			}
			time.Sleep(resultPatience - 9*time.Minute)
			if s.claimed("c") != 1 {
				t.Error("the slot is not free again")
			}
			s.on("complete", nil)
			time.Sleep(2 * time.Minute)
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.results) != 3 || len(spooled(t, r)) != 0 {
			t.Errorf("%d results, %d on disk", len(s.results), len(spooled(t, r)))
		}
	})
}

// TestStuckCallCostsNoLease has calls hang for as long as they may, again and
// again: those of a result, in which the other job's heartbeat is, or every
// other call, which has only heartbeats.
func TestStuckCallCostsNoLease(t *testing.T) {
	stuck := map[string]func(body syncBody, beats int) bool{
		"with a result":   func(body syncBody, _ int) bool { return len(body.Done) > 0 },
		"with heartbeats": func(body syncBody, beats int) bool { return len(body.Done) == 0 && beats%2 == 1 },
	}
	for name, hangs := range stuck {
		for _, lease := range []time.Duration{30 * time.Second, time.Minute} {
			t.Run(name+", lease "+lease.String(), func(t *testing.T) {
				syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
					s.poll = 3600
					s.add("short", "long")
					begin, beats := time.Now(), 0
					heard := []time.Duration{0}
					s.on("sync", func(_ http.ResponseWriter, r *http.Request) bool {
						body := says(r, s)
						if len(body.Active) > 0 {
							beats++
						}
						if hangs(body, beats) {
							s.pausing(func() { <-r.Context().Done() })
							return true
						}
						if len(body.Active) > 0 {
							heard = append(heard, time.Since(begin))
						}
						return false
					})
					r := newRunner(t, s, dir, lasting(lease/3-time.Second, time.Hour))
					r.Lease = lease
					if err := during(t, r, func() { time.Sleep(5 * time.Minute) }); err != nil {
						t.Fatal(err)
					}
					for i, at := range heard[1:] {
						if gap := at - heard[i]; gap > lease*2/3 {
							t.Errorf("no heartbeat from %v to %v", heard[i], at)
						}
					}
					if last := heard[len(heard)-1]; last < 4*time.Minute {
						t.Errorf("last heartbeat at %v", last)
					}
				})
			})
		}
	}
}

func TestStuckHeartbeatHoldsNothingUp(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 0
		s.add("a", "b")
		stuck, most := 0, 0
		s.on("sync", func(_ http.ResponseWriter, r *http.Request) bool {
			body := says(r, s)
			if len(body.Done) > 0 || body.Slots > 0 {
				return false
			}
			stuck++
			most = max(most, stuck)
			s.pausing(func() { <-r.Context().Done() })
			stuck--
			return true
		})
		r := newRunner(t, s, dir, lasting(22*time.Second, time.Hour, time.Hour)) // two seconds after its heartbeat
		r.Slots = 3
		if err := during(t, r, func() {
			time.Sleep(8 * time.Second)
			s.mu.Lock()
			s.queue, s.poll = []string{"c"}, 3600 // its heartbeat comes due while that of the long job hangs
			s.mu.Unlock()
			time.Sleep(15 * time.Second)
			if s.accepted() != 1 {
				t.Error("the result waits for the heartbeat")
			}
			time.Sleep(time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		for _, call := range syncs(t, s) {
			if len(call.Done) > 0 && (slices.Contains(call.Active, "a") || slices.Contains(call.Active, "b")) {
				t.Errorf("heartbeats that are under way are said again: %+v", call)
			}
		}
		if most != 1 {
			t.Errorf("%d heartbeat calls at a time", most)
		}
	})
}

func TestMissedHeartbeatGoesWithTheNextCall(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.poll = 1
		s.add("a")
		begin, back := time.Now(), time.Duration(0)
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
			switch at := time.Since(begin); {
			case at > 29*time.Second && at < 33*time.Second:
				return broken(w, r)
			case at > 29*time.Second && back == 0:
				back = at
			}
			return false
		})
		if err := during(t, newRunner(t, s, dir, accept(time.Hour)), func() { time.Sleep(39 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		for _, call := range syncs(t, s) {
			if call.At == back && !slices.Contains(call.Active, "a") {
				t.Errorf("the first call that came through is without the heartbeat: %+v", call)
			}
		}
		if back == 0 {
			t.Error("no call came through")
		}
	})
}

func TestCallsAreBounded(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		for i := range 20 {
			id := fmt.Sprint("j", i)
			s.add(id)
			s.verdicts[id] = "internal_error"
		}
		r := newRunner(t, s, dir, accept(time.Second))
		r.Slots = 10
		if err := during(t, r, func() {
			time.Sleep(30 * time.Second)
			s.on("sync", broken) // all wait until it is over
			time.Sleep(2 * time.Minute)
			s.on("sync", nil)
			time.Sleep(time.Minute)
			s.mu.Lock()
			clear(s.verdicts)
			s.mu.Unlock()
			time.Sleep(time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		for _, call := range syncs(t, s) {
			if len(call.Done) > 10 || len(call.Active) > 10 {
				t.Errorf("%d results and %d heartbeats in a call", len(call.Done), len(call.Active))
			}
		}
		if len(s.results) != 20 || len(spooled(t, r)) != 0 {
			t.Errorf("%d results accepted, %d on disk", len(s.results), len(spooled(t, r)))
		}
	})
}

func TestHeartbeatsThatDoNotFitGoLater(t *testing.T) {
	now := time.Now()
	s := &syncLoop{r: &Runner{}, leases: map[*job]*lease{}}
	for i := range 15 { // more than slots: results that are not taken hold their jobs
		s.leases[&job{claim: claim{ID: fmt.Sprint("j", i)}}] = &lease{every: 20 * time.Second, due: now}
	}
	e, _ := s.next(now, true)
	if e == nil || e.main || len(e.jobs) != maxItems {
		t.Fatalf("call %+v", e)
	}
	if more, _ := s.next(now, true); more != nil {
		t.Fatalf("a second call at the same time: %+v", more)
	}
	s.handle(t.Context(), e)
	if more, _ := s.next(now, true); more == nil || len(more.jobs) != 15-maxItems {
		t.Errorf("call after it %+v", more)
	}
}

func TestOneResultOfAJobInACall(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		s.verdicts["a"] = "internal_error"
		r := newRunner(t, s, dir, accept(time.Second))
		if err := during(t, r, func() {
			time.Sleep(3 * time.Second)
			s.add("a") // claimed again, by the same runner
			s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
				return s.attempts["a"] == 2 && broken(w, r) // both results wait until it is over
			})
			time.Sleep(time.Minute)
			s.mu.Lock()
			clear(s.verdicts)
			s.mu.Unlock()
			s.on("sync", nil)
			time.Sleep(2 * time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		// The fake server complains of ids that are there twice.
		if got, _ := s.result("a"); got.Token != "claim-a-2" || len(spooled(t, r)) != 0 {
			t.Errorf("result %+v, %d on disk", got, len(spooled(t, r)))
		}
	})
}

func TestHeartbeatsGoOnWhileToldToWait(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		begin := time.Now()
		s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
			if len(s.queue) > 0 || len(says(r, s).Active) > 0 && says(r, s).Slots == 0 {
				return false
			}
			w.Header().Set("Retry-After", "120")
			return refuse(429, "too_many_requests", "too many requests")(w, r)
		})
		if err := during(t, newRunner(t, s, dir, accept(time.Hour)), func() { time.Sleep(4 * time.Minute) }); err != nil {
			t.Fatal(err)
		}
		asked, beats := 0, 0
		for _, call := range syncs(t, s) {
			if call.Slots > 0 {
				asked++
			} else {
				beats++
			}
		}
		if asked > 3 || beats < 9 {
			t.Errorf("asked %d times and %d heartbeats in %v", asked, beats, time.Since(begin))
		}
	})
}

func TestJobsThatAreNotTakenUp(t *testing.T) {
	syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
		s.on("sync", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
			send(w, 200, map[string]any{"jobs": []any{map[string]any{"submissionId": "a", "token": ""}, map[string]any{"submissionId": "../b", "token": "t"}}}, "ok", "")
			return true
		}))
		r := newRunner(t, s, dir, accept(0))
		if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if _, other := s.requested(); other != 0 || r.free() != r.Slots {
			t.Errorf("%d requests about them, %d slots free", other, r.free())
		}
	})
}
