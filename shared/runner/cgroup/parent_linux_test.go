package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLeftoversAreRemoved opens where a process was killed that had a program in
// a group, and in that group more groups.
func TestLeftoversAreRemoved(t *testing.T) {
	dead, err := Open()
	if err != nil && os.Getuid() != 0 && os.Getenv("CI") == "" {
		t.Skipf("no control groups for this user: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
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
			if time.Since(begin) > 10*time.Second {
				t.Fatalf("%s is still there", dir)
			}
		}
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the program in the group still runs")
		_ = left.Process.Kill()
		<-ended
	}
}
