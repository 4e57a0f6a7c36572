package guard

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/until"
)

// program is what a process of these tests does, by the value of this variable.
const program = "GUARD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(program) == "" {
		os.Exit(m.Run())
	}
	secret, err := Hide("TOKEN")
	if err != nil {
		panic(err)
	}
	Reap(secret)
	token, err := secret.Read()
	if err != nil {
		panic(err)
	}
	if err := Close(); err != nil {
		panic(err)
	}
	environ, err := os.ReadFile("/proc/self/environ")
	dumpable, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE, 0, 0)
	fmt.Println("token", token, "shown", strings.Contains(string(environ), "s3cret"), err, "dumpable", dumpable,
		"environment", os.Getenv("TOKEN"), os.Getenv(variable), "process 1", os.Getpid() == 1)
	if os.Getenv(program) == "orphan" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		// The shell leaves a child behind, whose new parent is process 1.
		pid, err := exec.Command("sh", "-c", "sleep 0.01 >/dev/null & echo $!").Output()
		if err != nil {
			panic(err)
		}
		fmt.Println(strings.TrimSpace(string(pid)))
		<-signals
		os.Exit(7)
	}
	os.Exit(0)
}

func start(t *testing.T, what string, attr *syscall.SysProcAttr) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TOKEN=s3cret", program + "=" + what}
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, attr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

const want = "token s3cret shown false <nil> dumpable 0 environment   process 1 false\n"

func TestNobodySeesTheSecret(t *testing.T) {
	_, out := start(t, "show", nil)
	if line, err := out.ReadString('\n'); err != nil || line != want {
		t.Errorf("got %q, %v; want %q", line, err, want)
	}
}

func TestProcessOneReaps(t *testing.T) {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
	}
	cmd, out := start(t, "orphan", attr)
	line, err := out.ReadString('\n')
	if err != nil || line != want {
		t.Fatalf("got %q, %v; want %q", line, err, want)
	}
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	until.True(t, time.Minute, "the runner is the only child of process 1", func() bool { return len(children(t, cmd.Process.Pid)) == 1 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("ended with %v, want the runner's exit code 7", err)
	}
}

// children lists those of all threads of a process.
func children(t *testing.T, pid int) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(paths) == 0 {
		t.Fatalf("process %d: %v", pid, err)
	}
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}
