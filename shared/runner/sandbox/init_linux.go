package sandbox

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"
	"golang.org/x/sys/unix"

	"runlease/shared/runner/seccomp"
)

// initWithout is the name of a wall that a test takes out of Init.
var initWithout string

// Init must be the first call in main of every program that uses a Sandbox: the
// first process of a container is a copy of that program. In such a copy Init
// does not return; else it does nothing.
func Init() {
	if len(os.Args) == 1 && os.Args[0] == exporter {
		writeFiles() // and ends
	}
	if os.Getpid() != 1 || len(os.Args) < 2 || os.Args[1] != "container_init" {
		return
	}
	if initWithout != "huge pages" { // they would make a program's memory look bigger than it is
		_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)
	}
	if initWithout != "killed first" { // when the machine runs out of memory: a program, never the runner
		_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	}
	reportKills()
	if initWithout != "signals" {
		go handleSignals()
	}
	if err := container.Init(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// reportKills passes the descriptor on which KILLs are reported to the runner, by
// way of what is standard error here.
func reportKills() {
	listener, err := seccomp.ReportKills()
	if err == nil {
		err = unix.Sendmsg(int(os.Stderr.Fd()), []byte{0}, unix.UnixRights(listener), nil, 0)
		_ = unix.Close(listener)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// handleSignals undoes that container.Init ignores signals: a program that it
// starts would inherit that, and abort would do nothing. Handled, they are as
// harmless for this process and have their default effect in the program.
func handleSignals() {
	last := syscall.SIGSYS // ignored last
	for !signal.Ignored(last) {
		time.Sleep(20 * time.Microsecond)
	}
	signal.Notify(make(chan os.Signal, 1),
		syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM,
		syscall.SIGQUIT, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGSTKFLT, last)
}
