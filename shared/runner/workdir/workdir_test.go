package workdir

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/until"
)

func TestMakeClosesItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Make(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Make(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v; want mode 0700", info.Mode(), err)
	}
	// Of another user: who is not root finds one in the root directory.
	other := "/"
	if os.Getuid() == 0 {
		other = dir
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{other: "belongs to another user", link: "is no directory"} {
		if err := Make(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", dir, err, want)
		}
	}
}

func TestDefaultIsOfTheUser(t *testing.T) {
	for _, tc := range []struct{ state, xdg, home, want string }{
		{"/var/lib/r", "/x", "/home/u", "/var/lib/r"},
		{"", "/x", "/home/u", "/x/runlease-runner-n"},
		{"", "", "/home/u", "/home/u/.local/state/runlease-runner-n"},
		{"", "", "", ""},
	} {
		t.Setenv("STATE_DIRECTORY", tc.state)
		t.Setenv("XDG_STATE_HOME", tc.xdg)
		t.Setenv("HOME", tc.home)
		if got, err := Default("n"); got != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%+v: got %q, %v", tc, got, err)
		}
	}
}

// asNobody gives this goroutine's files to a user whom modes keep out, where the
// tests run as root.
func asNobody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
	t.Cleanup(func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
		runtime.UnlockOSThread()
	})
}

func TestRemove(t *testing.T) {
	parent := t.TempDir()
	for _, path := range []string{filepath.Dir(parent), parent} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(parent, "foreign", "dir")
	if err := os.MkdirAll(filepath.Join(foreign, "f"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(foreign), 0o777); err != nil {
		t.Fatal(err)
	}
	asNobody(t)
	outside := filepath.Join(parent, "outside")
	dir := filepath.Join(parent, "job")
	deep := filepath.Join(dir, "closed", "deep")
	for _, path := range []string{outside, filepath.Join(deep, "d")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{deep, filepath.Dir(deep), outside} {
		if err := os.Chmod(path, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if os.RemoveAll(dir) == nil {
		t.Fatal("modes keep nobody out here: this test would show nothing")
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it is still there")
	}
	if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o500 {
		t.Errorf("what a link leads to: %v, %v; want it as it was", info.Mode(), err)
	}
	if os.Getuid() != 0 {
		return // nobody else's directory can be made
	}
	stays := filepath.Dir(foreign)
	if err := Remove(stays); err == nil || !strings.Contains(err.Error(), "it was moved to "+filepath.Join(parent, "left-")) {
		t.Errorf("what is another user's: %v", err)
	}
	if _, err := os.Lstat(stays); err == nil {
		t.Error("it keeps its name")
	}
}

func TestVanishedDirectoriesAreMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "running")
	if path, err := Temp(dir, "job-"); err != nil || filepath.Dir(path) != dir {
		t.Errorf("got %s, %v", path, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	file, err := TempFile(dir, "f")
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	if stays, err := Empty(dir); stays != nil || err != nil {
		t.Errorf("got %v, %v", stays, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work")
	l, err := Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	second := func() error {
		l, err := Own(dir)
		if err == nil {
			return l.Close()
		}
		return err
	}
	if err := second(); err == nil || !strings.Contains(err.Error(), "belongs to another runner") {
		t.Errorf("second owner: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "owner")); err != nil {
		t.Fatal(err)
	}
	if second() == nil {
		t.Error("a second owner, once the owner file is gone")
	}
	// All of it is gone: it is made again, and locked.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- l.Keep(ctx, slog.New(slog.DiscardHandler)) }()
	until.True(t, time.Minute, "it is made and locked again", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.files) == 0 {
			return false
		}
		locked, err := l.files[0].Stat()
		now, errNow := os.Stat(dir)
		return err == nil && errNow == nil && os.SameFile(locked, now)
	})
	if second() == nil {
		t.Error("a second owner of the directory that was made again")
	}
	cancel()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := second(); err != nil {
		t.Errorf("after the first one: %v", err)
	}
}
