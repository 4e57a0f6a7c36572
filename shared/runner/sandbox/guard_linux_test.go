package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"runlease/shared/runner/cgroup"
)

// guarded is set in the process that runs the tests: with these programs, and
// with walls taken out, it must not be able to harm the machine. It has 3 GB and
// 2,000 processes, sees only its own, and has the machine's files read-only. A
// machine that is there for these tests only sets it itself.
const guarded = "RUNLEASE_GUARDED"

func TestMain(m *testing.M) {
	initWithout, _ = strings.CutPrefix(filepath.Base(os.Args[0]), "without ")
	Init()
	switch os.Getenv(guarded) {
	case "":
		if os.Getuid() == 0 {
			os.Exit(guard())
		}
	case "inside":
		if err := shut(); err != nil {
			fmt.Fprintln(os.Stderr, "guard:", err)
			os.Exit(1)
		}
	}
	signal.Ignore(syscall.SIGINT)
	goleak.VerifyTestMain(m)
}

// guard runs this program once more, in its own namespaces and process group.
func guard() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	groups, err := cgroup.Open()
	if err != nil {
		return fail(err)
	}
	defer groups.Close()
	group, err := groups.New(cgroup.Limits{Memory: 3 << 30, Processes: 2000})
	if err != nil {
		return fail(err)
	}
	defer func() { _ = group.Remove() }()
	start, wait, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), guarded+"=inside")
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdin, os.Stdout, os.Stderr, []*os.File{start}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	err = group.Add(cmd.Process.Pid)
	_ = wait.Close() // it goes on
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return fail(err)
	}
	return 0
}

// shut waits until this process is in its group, and makes the files read-only.
func shut() error {
	start := os.NewFile(3, "start")
	_, _ = start.Read(make([]byte, 1))
	_ = start.Close()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	// The test's own directory, where its log is, stays as it is.
	own := filepath.Dir(os.Args[0])
	if err := unix.Mount(own, own, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", own, err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// Guarded programs get new devices: as root they would change the machine's.
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", 0, "size=1m,mode=755"); err != nil {
		return fmt.Errorf("mount a directory for devices: %w", err)
	}
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9, "kmsg": 11} {
		path := "/dev/" + name
		if err := errors.Join(unix.Mknod(path, unix.S_IFCHR, int(unix.Mkdev(1, minor))), os.Chmod(path, 0o666)); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
	}
	tmp := "/mnt"
	if err := unix.Mount("tmpfs", tmp, "tmpfs", 0, "size=2g,mode=1777"); err != nil {
		return fmt.Errorf("mount a directory for temporary files: %w", err)
	}
	if err := os.Setenv("TMPDIR", tmp); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make the files read-only: %w", err)
	}
	return nil
}
