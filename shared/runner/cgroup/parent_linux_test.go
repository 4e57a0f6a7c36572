package cgroup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runlease/shared/testkit/until"
)

func opened(t *testing.T) *Parent {
	t.Helper()
	p, err := Open()
	if err != nil && os.Getuid() != 0 && os.Getenv("CI") == "" {
		t.Skipf("no control groups for this user: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLeftoversAreRemoved opens where a process was killed that had a program in
// a group, and in that group more groups.
func TestLeftoversAreRemoved(t *testing.T) {
	dead := opened(t)
	group, err := dead.New(Limits{Memory: 64 << 20, Processes: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range group.dirs {
		if err := os.MkdirAll(filepath.Join(dir, "inner", "inmost"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	left := exec.Command("sleep", "60")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	if err := group.Add(left.Process.Pid); err != nil {
		t.Fatal(err)
	}
	for _, lock := range dead.locks {
		_ = unix.Close(lock)
	}
	p, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, dir := range dead.dirs {
		for begin := time.Now(); exists(dir); time.Sleep(time.Millisecond) { // another process may be at it
			if time.Since(begin) > time.Minute {
				t.Fatalf("%s is still there", dir)
			}
		}
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second): // it sleeps for a minute
		t.Error("the program in the group still runs")
		_ = left.Process.Kill()
		<-ended
	}
}

// TestPeakThatTheKernelDoesNotTell is what is seen, as on Linux before 5.19.
func TestPeakThatTheKernelDoesNotTell(t *testing.T) {
	dir := t.TempDir()
	put := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("cpu.stat", "usage_usec 7\nuser_usec 7\n")
	put("memory.events", "oom 0\noom_kill 0\n")
	put("pids.events", "max 0\n")
	cpu, err := open(filepath.Join(dir, "cpu.stat"), unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(cpu) }()
	g := &Group{v2: true, dirs: []string{dir}, fd: -1, cpu: cpu}
	if e, err := g.Events(); err == nil {
		t.Errorf("without any memory: %+v", e)
	}
	for _, step := range []struct {
		file, text string
		want       Events
	}{
		{"memory.current", "5000\n", Events{CPU: 7 * time.Microsecond, PeakBytes: 5000, PeakSeen: true}},
		{"memory.current", "300\n", Events{CPU: 7 * time.Microsecond, PeakBytes: 5000, PeakSeen: true}},
		{"memory.peak", "9000\n", Events{CPU: 7 * time.Microsecond, PeakBytes: 9000}},
	} {
		put(step.file, step.text)
		if e, err := g.Events(); err != nil || e != step.want {
			t.Errorf("%s %s: got %+v, %v; want %+v", step.file, step.text, e, err, step.want)
		}
	}
}

// TestReady enters a group now and then, as jobs do on a machine that is not
// busy. Where that takes long it must not take a job long.
func TestReady(t *testing.T) {
	p := opened(t)
	defer p.Close()
	group, err := p.New(Limits{Memory: 64 << 20, Processes: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = group.Remove() }()
	program := exec.Command("sleep", "60")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = program.Process.Kill(), program.Wait() }()
	least := func(prepare func(context.Context)) time.Duration { // what else the machine does can only add
		var took []time.Duration
		for range 9 {
			time.Sleep(50 * time.Millisecond)
			ctx, cancel := context.WithCancel(t.Context())
			var ready sync.WaitGroup
			ready.Go(func() { prepare(ctx) })
			time.Sleep(50 * time.Millisecond)
			begin := time.Now()
			if err := group.Add(program.Process.Pid); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(begin))
			cancel()
			ready.Wait()
		}
		return slices.Min(took)
	}
	without, with := least(func(context.Context) {}), least(p.KeepReady)
	t.Logf("%v without, %v with", without, with)
	if without > 2*time.Millisecond && with > without/2 {
		t.Errorf("entering a group takes %v, where it takes %v else", with, without)
	}
}

// TestWaitedIsKept: how long threads waited for a core is known when they are gone.
func TestWaitedIsKept(t *testing.T) {
	p := opened(t)
	defer p.Close()
	group, err := p.New(Limits{Memory: 64 << 20, Processes: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = group.Remove() }()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for core := 0; one.Count() == 0; core++ {
		if all.IsSet(core) {
			one.Set(core)
		}
	}
	var spinning []*exec.Cmd
	end := func() {
		for _, program := range spinning {
			_, _ = program.Process.Kill(), program.Wait()
		}
	}
	defer end()
	for range 2 {
		program := exec.Command("sh", "-c", "while :; do :; done")
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		spinning = append(spinning, program)
		if err := errors.Join(unix.SchedSetaffinity(program.Process.Pid, &one), group.Add(program.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
	var waited time.Duration
	until.True(t, time.Minute, "two processes wait for one core", func() bool {
		waited = group.Waited()
		return waited > 100*time.Millisecond
	})
	end()
	if left := group.Waited(); left < waited {
		t.Errorf("%v are known of %v, once they are gone", left, waited)
	}
}
