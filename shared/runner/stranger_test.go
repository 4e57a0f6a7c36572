package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
)

// routes are those of the API that a runner calls.
var routes = []string{"list", "claim", "sync", "code", "testdata", "heartbeat", "outputs", "complete", "release"}

// page makes a hook of a reply by something in front of the API.
func page(status int) hook {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", "https://login.example.org/")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>nope</html>")
		return true
	}
}

// gateway is a hook of what API Gateway and others refuse with.
func gateway(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(403)
	_, _ = io.WriteString(w, `{"message":"Forbidden"}`)
	return true
}

// bare is a hook of a reply that does not tell what it is.
func bare(status int, text string) hook {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		return true
	}
}

func (s *fakeServer) onAll(h hook) {
	for _, route := range routes {
		s.on(route, h)
	}
}

func TestAStrangerDecidesNothing(t *testing.T) {
	replies := map[string]hook{"a gateway": gateway}
	for _, status := range []int{200, 302, 307, 400, 401, 403, 404, 405, 409, 413, 415, 421, 502} {
		replies[fmt.Sprint("a page with ", status)] = page(status)
	}
	for name, reply := range replies {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				r := newRunner(t, s, dir, accept(30*time.Second))
				if err := during(t, r, func() {
					time.Sleep(15 * time.Second) // a heartbeat and the result are in it
					s.onAll(reply)
					time.Sleep(25 * time.Second)
					if len(spooled(t, r)) != 1 {
						t.Error("the result is not kept")
					}
					s.onAll(nil)
					time.Sleep(time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				if got, ok := s.result("a"); !ok || got.Token != "claim-a-1" || len(s.released) != 0 || len(spooled(t, r)) != 0 {
					t.Errorf("result %+v, released %v, %d on disk", got, s.released, len(spooled(t, r)))
				}
			})
		})
	}
}

// TestAPageInPlaceOfAFileIsAnOutage: it uses up none of the job's failures.
func TestAPageInPlaceOfAFileIsAnOutage(t *testing.T) {
	for name, reply := range map[string]hook{"200": page(200), "302": page(302), "403": page(403), "a gateway": gateway, "a bare 404": bare(404, ""), "a bare 403": bare(403, "no"), "another's XML": bare(404, "<error><code>404</code></error>")} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				s.on("storage GET", reply)
				r := newRunner(t, s, dir, accept(0))
				if err := during(t, r, func() {
					time.Sleep(5 * time.Minute)
					s.on("storage GET", nil)
					time.Sleep(time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				if got, ok := s.result("a"); !ok || got.Token != "claim-a-1" || len(s.released) != 0 {
					t.Errorf("result %+v, released %v", got, s.released)
				}
			})
		})
	}
}

// TestAStrangerTakesNoOutputs: what somebody between says of an upload is not
// believed, neither that it is there nor that it is refused.
func TestAStrangerTakesNoOutputs(t *testing.T) {
	for name, reply := range map[string]hook{"200 and a text": bare(200, "welcome"), "412": bare(412, ""), "403": bare(403, "")} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				s.on("storage PUT", reply)
				r := newRunner(t, s, dir, execution(func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
					cases, err := accept(0)(ctx, in)
					if err == nil {
						cases[0][0].Stdout = strings.Repeat("a", 2_600_000)
					}
					return cases, err
				}))
				if err := during(t, r, func() {
					time.Sleep(time.Minute)
					s.on("storage PUT", nil)
					time.Sleep(2 * time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				got, _ := s.result("a")
				if got.Outputs == nil || s.objects["/storage/outputs/"+got.Outputs.SHA256] == nil {
					t.Errorf("result with outputs %v, and they are not stored", got.Outputs)
				}
			})
		})
	}
}

// wordyResult is the result of a program that prints 40 KB.
func wordyResult(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
	cases, err := accept(time.Second)(ctx, in)
	if err == nil {
		cases[0][0].Stdout = strings.Repeat("a", 40_000)
	}
	return cases, err
}

// TestWordyResultsPassAFirewall that refuses bodies above 8 KB, as the common
// rules of AWS WAF do.
func TestWordyResultsPassAFirewall(t *testing.T) {
	for name, reply := range map[string]hook{"forbidden": page(403), "too large": page(413)} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.onAll(func(w http.ResponseWriter, r *http.Request) bool {
					return len(s.requests[len(s.requests)-1].body) > 8<<10 && reply(w, r)
				})
				s.add("a", "b")
				r := newRunner(t, s, dir, execution(wordyResult))
				if err := during(t, r, func() { time.Sleep(30 * time.Second) }); err != nil {
					t.Fatal(err)
				}
				for _, id := range []string{"a", "b"} {
					if got, _ := s.result(id); got.Outputs == nil || got.Tasks[0][0].Stdout != "" {
						t.Errorf("result %+v, released %v; want its texts as an upload", got, s.released)
					}
				}
			})
		})
	}
}

// TestWordyResultsWaitForTheAPI: where everything is refused, it is not the body.
func TestWordyResultsWaitForTheAPI(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		r := newRunner(t, s, dir, execution(wordyResult))
		if err := during(t, r, func() {
			time.Sleep(500 * time.Millisecond)
			s.onAll(page(503))
			time.Sleep(10 * time.Second)
			s.onAll(nil)
			time.Sleep(time.Minute)
		}); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.result("a"); len(got.Tasks) != 1 || got.Outputs != nil || got.Tasks[0][0].Stdout == "" {
			t.Errorf("result %+v", got)
		}
	})
}

func TestSyncIsTriedAgain(t *testing.T) {
	t.Run("after a page for everything", func(t *testing.T) {
		syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
			r := newRunner(t, s, dir, accept(0))
			if err := during(t, r, func() {
				s.onAll(page(404))
				time.Sleep(20 * time.Second)
				s.onAll(nil)
				time.Sleep(time.Minute)
				s.add("a", "b", "c")
				time.Sleep(time.Minute)
			}); err != nil {
				t.Fatal(err)
			}
			if n := len(s.seen("complete")) + len(s.seen("claim")); n != 0 || len(s.results) != 3 {
				t.Errorf("%d calls beside sync, %d results", n, len(s.results))
			}
		})
	})
	for name, unknown := range map[string]hook{"by a stranger's word": page(404), "by the server's word": refuse(404, "unknown_route", "no such route")} {
		t.Run(name, func(t *testing.T) {
			syncScene(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				r := newRunner(t, s, dir, accept(0))
				s.on("sync", unknown)
				if err := during(t, r, func() {
					time.Sleep(syncAgain - time.Second)
					s.on("sync", func(w http.ResponseWriter, r *http.Request) bool {
						if b := says(r, s); len(b.Done)+len(b.Active)+b.Slots > 0 {
							return false
						}
						send(w, 200, map[string]any{"done": []any{}, "active": []any{}, "jobs": []any{}}, "ok", "")
						return true
					})
					time.Sleep(time.Minute)
					s.add("b", "c")
					time.Sleep(time.Minute)
				}); err != nil {
					t.Fatal(err)
				}
				if n := len(s.seen("claim")); n != 1 || len(s.results) != 3 {
					t.Errorf("%d claims beside sync, %d results; want that of the first job", n, len(s.results))
				}
			})
		})
	}
}

func TestWhoHasNeverHeardTheAPISaysSo(t *testing.T) {
	c, server := over(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "nginx")
		page(404)(w, nil)
	})
	for n := 1; n <= strangersToDoubt; n++ {
		_, err := c.list(t.Context(), 1)
		doubt := fmt.Sprintf("no runlease API was ever heard at %s/runner/jobs", server.URL)
		if err == nil || !strings.Contains(err.Error(), `404 Not Found, Server "nginx", Content-Type "text/html", "<html>nope</html>"`) || strings.Contains(err.Error(), doubt) != (n == strangersToDoubt) {
			t.Errorf("reply %d: %v", n, err)
		}
	}
}

func TestTheTokenIsReadAgainBeforeARefusalIsBelieved(t *testing.T) {
	good := "second"
	c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Runner-Token") != good {
			refuse(403, "invalid_runner_token", "invalid runner token")(w, r)
			return
		}
		send(w, 200, map[string]any{"jobs": []any{}}, "ok", "")
	})
	stored := "second\n"
	c.Reload = func() (string, error) { return strings.TrimSpace(stored), nil }
	list := func() error { _, err := c.list(t.Context(), 1); return err }
	for range refusalsToStop {
		if err := list(); react(err) != refused {
			t.Fatal(err)
		}
	}
	if err := list(); err != nil {
		t.Errorf("with the token that was read again: %v", err)
	}
	good, stored = "third", "two words"
	for range refusalsToStop {
		select {
		case <-c.refused:
			t.Error("believed too early")
		default:
		}
		_ = list()
	}
	select {
	case <-c.refused:
	default:
		t.Error("the refusal is never believed")
	}
}

func TestClaimsThatCannotBe(t *testing.T) {
	good := func() claim {
		c := claim{ID: "a", Token: "t", Attempt: 1, LeaseSeconds: 60, Code: &download{URL: "https://s/x", SHA256: shaOf(nil)}}
		c.Meta.Tasks = []execute.Task{{CaseCount: 1, MemoryLimit: 1, TimeLimit: 1}}
		return c
	}
	if err := good().check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *claim){
		"id is a path":      func(c *claim) { c.ID = "../../planted" },
		"no id":             func(c *claim) { c.ID = "" },
		"no token":          func(c *claim) { c.Token = "" },
		"endless token":     func(c *claim) { c.Token = strings.Repeat("t", maxToken+1) },
		"attempt":           func(c *claim) { c.Attempt = -1 },
		"lease":             func(c *claim) { c.LeaseSeconds = 1 << 40 },
		"heartbeat":         func(c *claim) { c.HeartbeatSeconds = -1 },
		"no tasks":          func(c *claim) { c.Meta.Tasks = nil },
		"too many tasks":    func(c *claim) { c.Meta.Tasks = make([]execute.Task, maxTasks+1) },
		"cases below zero":  func(c *claim) { c.Meta.Tasks[0].CaseCount = -1 },
		"cases without end": func(c *claim) { c.Meta.Tasks[0].CaseCount = 2_000_000_000 },
		"no memory":         func(c *claim) { c.Meta.Tasks[0].MemoryLimit = 0 },
		"time without end":  func(c *claim) { c.Meta.Tasks[0].TimeLimit = 1 << 50 },
		"too many cases": func(c *claim) {
			c.Meta.Tasks = slicesRepeat(execute.Task{CaseCount: 100, MemoryLimit: 1, TimeLimit: 1}, 11)
		},
		"hash is a path":      func(c *claim) { c.Code.SHA256 = "../" + shaOf(nil)[3:] },
		"size below zero":     func(c *claim) { c.Code.Size = -1 },
		"address of no file":  func(c *claim) { c.Code.URL = "file:///etc/passwd" },
		"test data, likewise": func(c *claim) { c.TestData = &download{} },
	} {
		c := good()
		spoil(&c)
		if c.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// In both flows, before anything of it is used.
	for name, spoil := range map[string]func(s *fakeServer){
		"count": func(s *fakeServer) { s.tasks[0].CaseCount = -1 },
		"id": func(s *fakeServer) {
			for _, route := range []string{"claim", "sync"} {
				s.on(route, times(1, func(w http.ResponseWriter, _ *http.Request) bool {
					claim := s.claim("a", 60)
					claim["submissionId"] = "../../../planted"
					if route == "sync" {
						claim = map[string]any{"done": []any{}, "active": []any{}, "jobs": []any{claim}, "pollSeconds": 1}
					}
					send(w, 200, claim, "job claimed", "")
					return true
				}))
			}
		},
		"more than asked for": func(s *fakeServer) {
			s.on("sync", times(1, func(w http.ResponseWriter, _ *http.Request) bool {
				s.queue = append(s.queue, "b", "c", "d", "e")
				var jobs []any
				for range 5 {
					jobs = append(jobs, s.claim(s.queue[0], 60))
				}
				send(w, 200, map[string]any{"done": []any{}, "active": []any{}, "jobs": jobs, "pollSeconds": 1}, "ok", "")
				return true
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, func(t *testing.T, s *fakeServer, dir string) {
				s.add("a")
				spoil(s)
				started := 0
				r := newRunner(t, s, dir, execution(func(_ context.Context, _ execute.Input) ([][]execute.Case, error) {
					started++
					return nil, errors.New("it ran")
				}))
				r.Slots = 1
				if err := during(t, r, func() { time.Sleep(4 * time.Second) }); err != nil {
					t.Fatal(err)
				}
				if most := map[string]int{"more than asked for": 1}[name]; started > most {
					t.Errorf("%d jobs were started", started)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
					t.Errorf("in the work directory: %v, %v", left, err)
				}
			})
		})
	}
}

func slicesRepeat(task execute.Task, n int) (all []execute.Task) {
	for range n {
		all = append(all, task)
	}
	return all
}

// TestResultsFromBeforeTheClockWasSet are delivered, whatever their age.
func TestResultsFromBeforeTheClockWasSet(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		r := newRunner(t, s, dir, accept(0))
		for id, since := range map[string]time.Time{"old": time.Unix(12, 0), "new": time.Now().AddDate(40, 0, 0)} {
			s.claims[id] = "t"
			if err := r.Spool.Put(spool.Result{JobID: id, Attempt: 1, Token: "t", Since: since}); err != nil {
				t.Fatal(err)
			}
		}
		if err := during(t, r, func() { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		if len(s.results) != 2 || len(spooled(t, r)) != 0 {
			t.Errorf("%d results, %d on disk", len(s.results), len(spooled(t, r)))
		}
	})
}

func TestAReleaseSaysWhy(t *testing.T) {
	scenes(t, func(t *testing.T, s *fakeServer, dir string) {
		s.add("a")
		r := newRunner(t, s, dir, execution(func(context.Context, execute.Input) ([][]execute.Case, error) {
			return nil, fmt.Errorf("%s/x is full%s", dir+"/running", strings.Repeat("ä", 400))
		}))
		if err := during(t, r, func() { time.Sleep(3 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		want := `"detail":"execute: /x is full` + strings.Repeat("ä", maxDetail-len("execute: /x is full")) + `"`
		if released := s.seen("release"); len(released) == 0 || !bytes.Contains(released[0].body, []byte(want)) {
			t.Errorf("released with %+v, want %s", released, want)
		}
	})
}
