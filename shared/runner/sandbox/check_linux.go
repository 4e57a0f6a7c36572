package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/runner"
)

// Finding is one thing that Check has looked at.
type Finding struct {
	What    string
	Fault   error // nil: it is as it must be; else what is missing, and its cure
	Warning string
}

// Check finds out whether this machine has what the sandbox needs, by using it.
// Behind a fault nothing is looked at.
func (s *Sandbox) Check(ctx context.Context) []Finding {
	found := []Finding{{What: fmt.Sprintf("control groups, version %d", s.groups.Version())}}
	b, err := s.newBox(spoken{}, nil)
	if err != nil {
		return append(found, Finding{What: "namespaces and mounts", Fault: err})
	}
	defer b.close()
	found = append(found, Finding{What: "namespaces and mounts"})
	for _, check := range []struct {
		what string
		run  run
		ok   func(ending) error
	}{
		{"a program, its filter and its measure", run{args: []string{"/bin/sh", "-c", "exit 3"}}, func(e ending) error {
			switch {
			case e.status != runner.StatusNonzeroExitStatus || e.code != 3:
				return fmt.Errorf("a shell that exits with 3 ended with status %s and code %d", e.status.String(), e.code)
			case e.events.CPU <= 0 || e.events.PeakBytes == 0 && !e.events.PeakSeen:
				return fmt.Errorf("a shell took %v of CPU time and %d bytes: the control group does not measure", e.events.CPU, e.events.PeakBytes)
			}
			return nil
		}},
		{"the limit of memory", run{args: []string{"/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"}}, func(e ending) error {
			if e.events.OOMKills == 0 {
				return errors.New("a program took 64 MB in a control group of 16 MB: its limit does not hold")
			}
			return nil
		}},
		{"the limit of processes", run{args: []string{"/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait"}}, func(e ending) error {
			if e.events.Refusals == 0 {
				return errors.New("a shell started ten processes in a control group of eight: its limit does not hold")
			}
			return nil
		}},
	} {
		r := check.run
		out := &sink{limit: 1 << 20, keep: 1000}
		r.stdout, r.stderr, r.filter = out, out, s.programs
		r.cpu, r.wall, r.memory, r.stack, r.file, r.processes = 5*time.Second, 20*time.Second, 16<<20, 8<<20, 1<<20, 8
		end, err := b.run(ctx, s, r)
		if err == nil {
			err = check.ok(end)
		}
		found = append(found, Finding{What: check.what, Fault: err})
		if err != nil {
			return found
		}
		if end.events.PeakSeen {
			found[len(found)-1].Warning = "the kernel does not tell the peak of a group's memory (memory.peak, Linux 5.19): memoryUsage is what is seen every 20 ms, and too little for programs that end sooner"
		}
	}
	return append(found, s.warnings()...)
}

// warnings are of what makes times worse, or limits softer.
func (s *Sandbox) warnings() []Finding {
	var found []Finding
	warn := func(what, text string) { found = append(found, Finding{What: what, Warning: text}) }
	if swaps, err := os.ReadFile("/proc/swaps"); err == nil && bytes.Count(swaps, []byte("\n")) > 1 {
		warn("swap", "the machine has swap, which makes times of programs differ: swapoff -a")
	}
	if smt, err := os.ReadFile("/sys/devices/system/cpu/smt/active"); err == nil && strings.TrimSpace(string(smt)) == "1" {
		warn("cores", "two of the cores share one: switch hyperthreading off, or give -slots half as many as there are")
	}
	return found
}

// explain adds to why no box could be made what the machine lacks, and its cure.
func explain(err error, root bool) error {
	text := err.Error()
	restricted, _ := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
	most, _ := os.ReadFile("/proc/sys/user/max_user_namespaces")
	cure := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), strings.TrimSpace(string(most)) == "0":
		cure = "no user namespace may be made: set the sysctl user.max_user_namespaces to some thousands"
	case !root && strings.TrimSpace(string(restricted)) == "1":
		cure = "AppArmor keeps user namespaces from programs without a profile: install infra/runner/apparmor as /etc/apparmor.d/runlease-runner"
	case strings.Contains(text, "proc[") && strings.Contains(text, "not permitted"):
		cure = "something is mounted over /proc, as ProtectKernelTunables=yes of a unit or a container does: take that away"
	case strings.Contains(text, "start container") && errors.Is(err, syscall.EPERM):
		cure = "user namespaces are forbidden here, as in a chroot, in a container with Docker's profile, or where kernel.unprivileged_userns_clone is 0"
	case errors.Is(err, syscall.EACCES), strings.Contains(text, "permission denied"):
		cure = "something forbids mounts in a new namespace: look at the machine's AppArmor or SELinux log"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, cure)
}
