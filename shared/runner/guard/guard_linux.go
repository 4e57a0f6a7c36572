package guard

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// variable names the pipe to the program that was started anew.
const variable = "RUNLEASE_SECRET_FD"

// maxSecret is less than a pipe takes before somebody reads, in bytes.
const maxSecret = 4096

// Secret is the value of a variable that was taken out of the environment. It is
// still in a pipe: this process does not hold it before Read. Nil: there was none.
type Secret struct{ pipe *os.File }

// Hide takes a variable out of the environment. To unset it does not do: what a
// process was started with stays in its memory, and /proc shows it. So where the
// variable is set, the program starts itself anew in this process, with the
// value in a pipe, and Hide returns there.
func Hide(name string) (*Secret, error) {
	if fd, found := os.LookupEnv(variable); found {
		n, err := strconv.Atoi(fd)
		if err != nil || n < 3 {
			return nil, fmt.Errorf("%s is %q, and is for the runner's own use", variable, fd)
		}
		syscall.CloseOnExec(n)
		return &Secret{os.NewFile(uintptr(n), "secret")}, os.Unsetenv(variable)
	}
	value, found := os.LookupEnv(name)
	if !found {
		return nil, nil
	}
	if len(value) > maxSecret {
		return nil, fmt.Errorf("%s has %d bytes: at most %d are taken", name, len(value), maxSecret)
	}
	var ends [2]int // without close-on-exec
	if err := syscall.Pipe2(ends[:], 0); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if _, err := syscall.Write(ends[1], []byte(value)); err != nil {
		return nil, fmt.Errorf("write to a pipe: %w", err)
	}
	if err := syscall.Close(ends[1]); err != nil {
		return nil, fmt.Errorf("close a pipe: %w", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, name+"=") })
	env = append(env, variable+"="+strconv.Itoa(ends[0]))
	return nil, fmt.Errorf("start anew without %s: %w", name, syscall.Exec(itself(), os.Args, env)) //nolint:gosec // itself, as it was started
}

// itself is the path of this program. Its file may have been replaced.
func itself() string {
	path, err := os.Executable()
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}

// Read returns the value, once. Without a secret that is "".
func (s *Secret) Read() (string, error) {
	if s == nil {
		return "", nil
	}
	value, err := io.ReadAll(io.LimitReader(s.pipe, maxSecret))
	if err = errors.Join(err, s.pipe.Close()); err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return string(value), nil
}

// Close makes this process show nothing of itself (its memory, its environment,
// its files) to other processes of its user, and dump no core.
func Close() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("close the process to others: %w", errno)
	}
	return nil
}

// Reap does nothing unless this is process 1, which inherits every process whose
// parent has died. There it starts the program once more as its child, hands the
// secret and every signal on, waits for all that dies, and ends with the child's
// exit code. Two waiting in one process would take each other's children.
func Reap(secret *Secret) {
	if os.Getpid() != 1 {
		return
	}
	code, err := reap(secret)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "runner, as process 1:", err)
	}
	os.Exit(code)
}

func reap(secret *Secret) (code int, err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	attr := &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Env: os.Environ(),
		// A terminal's signal would else come twice, and the second ends a runner at once.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	}
	if secret != nil {
		attr.Files, attr.Env = append(attr.Files, secret.pipe), append(attr.Env, variable+"=3")
	}
	child, err := os.StartProcess(itself(), os.Args, attr) //nolint:gosec // itself, as it was started
	if err != nil {
		return 1, fmt.Errorf("start the runner: %w", err)
	}
	if secret != nil {
		_ = secret.pipe.Close()
	}
	go func() {
		for s := range signals {
			_ = syscall.Kill(child.Pid, s.(syscall.Signal))
		}
	}()
	for {
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, 0, nil); {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("wait for the runner: %w", err)
		case pid == child.Pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == child.Pid && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}
