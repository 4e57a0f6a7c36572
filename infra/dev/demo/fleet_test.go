package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/until"
)

func testFleet(t *testing.T) *fleet {
	t.Helper()
	f := newFleet(t.TempDir(), config{})
	t.Cleanup(f.stop)
	return f
}

// shell starts a child that runs a script, and waits until it has written a
// process id to its log: its own, or that of something it started.
func shell(t *testing.T, f *fleet, name, script string) (pid int) {
	t.Helper()
	if _, err := f.start(name, exec.Command("sh", "-c", script)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child's first line", func() bool {
		text, _ := os.ReadFile(f.logFile(name))
		line, _, whole := strings.Cut(string(text), "\n")
		pid, _ = strconv.Atoi(line)
		return whole && pid > 0
	})
	return pid
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	until.True(t, time.Minute, what, ok)
}

// gone reports whether a process has ended; a zombie, which only waits for its
// parent to look, has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestKillTakesTheWholeGroup(t *testing.T) {
	f := testFleet(t)
	grandchild := shell(t, f, "r-a", "sleep 60 & echo $!; wait")
	if !f.runs("r-a") || f.runs("r-b") {
		t.Error("runs does not know who is under way")
	}
	if err := f.kill("r-a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the killed child's child", func() bool { return gone(grandchild) })
	if f.runs("r-a") {
		t.Error("runs counts a killed runner")
	}
	if f.kill("r-a") == nil || f.kill("r-b") == nil {
		t.Error("killed what is not under way")
	}
	// A kill was asked for, and is no failure.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.failure(ctx); err != nil {
		t.Error(err)
	}
}

func TestStopEndsEveryChild(t *testing.T) {
	f := testFleet(t)
	polite := shell(t, f, "r-a", "trap 'exit 0' TERM; echo $$; while :; do sleep 0.05; done")
	left := shell(t, f, "r-b", "trap 'exit 0' TERM; sleep 60 & echo $!; wait")
	f.stop()
	for name, pid := range map[string]int{"the polite child": polite, "the child of a child": left} {
		eventually(t, "the end of "+name, func() bool { return gone(pid) })
	}
	if _, err := f.start("r-c", exec.Command("sleep", "60")); err == nil {
		t.Error("started a child after stop")
	}
}

func TestEndKillsTheDeaf(t *testing.T) {
	f := testFleet(t)
	pid := shell(t, f, "r-a", "trap '' TERM; echo $$; while :; do sleep 0.05; done")
	f.children[0].asked = true
	f.children[0].end(100 * time.Millisecond)
	if !gone(pid) {
		t.Error("a child that ignores SIGTERM is still there")
	}
}

func TestFailureNamesTheChild(t *testing.T) {
	f := testFleet(t)
	shell(t, f, "r-a", "echo $$; exit 3")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := f.failure(ctx)
	if err == nil || !strings.Contains(err.Error(), "r-a ended by itself: exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestStrikeOnlyTheHolder(t *testing.T) {
	f := testFleet(t)
	api := newFakeAPI(t)
	a := shell(t, f, "r-a", "echo $$; exec sleep 60")
	b := shell(t, f, "r-b", "echo $$; exec sleep 60")
	set := func(j job) {
		api.mu.Lock()
		defer api.mu.Unlock()
		api.jobs["j"] = j
	}
	claimedBy := func(runner string, attempt int) job {
		return job{ID: "j", State: "claimed", Attempt: attempt, Holder: &holder{Runner: runner}}
	}
	set(job{ID: "j", State: "queued"})
	type result struct {
		strike
		error
	}
	done := make(chan result, 1)
	go func() {
		s, err := strikeRunner(t.Context(), api.producer(), f, "j")
		done <- result{s, err}
	}()
	// Neither a queued job nor one that a stranger or a lost runner holds is a reason.
	for _, j := range []job{
		{ID: "j", State: "queued"},
		claimedBy("stranger", 1),
		{ID: "j", State: "claimed", Attempt: 2, Holder: &holder{Runner: "r-a", Expired: true}},
	} {
		set(j)
		select {
		case r := <-done:
			t.Fatalf("struck %+v when the job was %+v", r, j)
		case <-time.After(strikeWait + 2*lookEvery):
		}
	}
	set(claimedBy("r-b", 3))
	r := <-done
	if r.error != nil || r.strike != (strike{"r-b", 3, 0}) {
		t.Fatalf("got %+v", r)
	}
	if !gone(b) || gone(a) {
		t.Errorf("killed: a %t, b %t; want b alone", gone(a), gone(b))
	}

	set(job{ID: "j", State: "finished", Attempt: 3})
	if s, err := strikeRunner(t.Context(), api.producer(), f, "j"); err != nil || s != (strike{"r-a", 4, 1}) || !slices.Equal(api.asked, []string{"rejudge"}) {
		t.Errorf("a job that was judged before: %+v, %v, asked for %v", s, err, api.asked)
	}
}

func TestReadEndpoint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	const line = `{"url":"http://x/prod","runnerToken":"r","producerToken":"p"}`
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"only the line", line, true},
		{"at the end of a log", "deploying\n{\"url\":\"old\"}\n" + line + "\n", true},
		{"on several lines", strings.ReplaceAll(line, ",", ",\n"), true},
		{"a token is missing", `{"url":"http://x/prod","runnerToken":"r"}`, false},
		{"nothing", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readEndpoint(file)
			if (err == nil) != c.ok {
				t.Fatalf("got %v", err)
			}
			if c.ok && got != (endpoint{"http://x/prod", "r", "p"}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
