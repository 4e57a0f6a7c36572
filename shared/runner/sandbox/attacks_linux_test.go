package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/seccomp"
)

// attack is a program of testdata/attacks, and what must come of it. Its first
// line is "want: AC|RE; key: value; ...".
type attack struct {
	name, source string
	language     int
	want         []string
	task         execute.Task
	exit         int // -1: any
	input        string
	output       string // expected; default "ok"
	leak         string // must not be in what it writes
	cases        int
	seconds      int  // that it may take
	long         bool // of the long suite
}

// timeFactor stretches limits of time, for machines that are slow.
func timeFactor() int {
	n, _ := strconv.Atoi(os.Getenv("RUNLEASE_TIME_FACTOR"))
	return max(n, 1)
}

func attacks(t *testing.T) map[string]attack {
	t.Helper()
	all := map[string]attack{}
	paths, err := filepath.Glob("testdata/attacks/*.*")
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d attacks, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a := attack{name: filepath.Base(path), source: string(text), task: ordinary, exit: -1, output: "ok", leak: "LEAK", cases: 1, seconds: 90}
		a.language = map[string]int{".c": execute.C, ".cpp": execute.Cpp, ".py": execute.Python}[filepath.Ext(path)]
		head, _, _ := strings.Cut(string(text), "\n")
		for field := range strings.SplitSeq(strings.TrimLeft(head, "/# "), "; ") {
			key, value, _ := strings.Cut(field, ": ")
			n, _ := strconv.Atoi(value)
			switch key {
			case "want":
				a.want = strings.Split(value, "|")
			case "memory":
				a.task.MemoryLimit = n
			case "time":
				a.task.TimeLimit = n
			case "cases":
				a.cases = n
			case "seconds":
				a.seconds = n
			case "exit":
				a.exit = n
			case "input":
				if letter, times, ok := strings.Cut(value, "*"); ok {
					n, _ = strconv.Atoi(times)
					value = strings.Repeat(letter, n)
				}
				a.input = value + "\n"
			case "output":
				a.output = value
			case "leak":
				a.leak = value
			case "long":
				a.long = true
			default:
				t.Fatalf("%s: unknown key %q", path, key)
			}
		}
		a.task.TimeLimit *= timeFactor()
		all[a.name] = a
	}
	add := func(name string, language int, source string) {
		all[name] = attack{name: name, source: source, language: language, want: []string{execute.CE}, task: ordinary, exit: -1, leak: "LEAK", cases: 1, seconds: 90}
	}
	add("deep-nesting.py", execute.Python, strings.Repeat("(", 100_000)+strings.Repeat(")", 100_000))
	add("huge-messages.cpp", execute.Cpp, "#include <map>\n#include <string>\nstd::map<std::map<std::string,std::map<int,int>>,std::map<std::string,int>> a;\nint main(){"+strings.Repeat("a=1;a<<a;", 3000)+"}")
	return all
}

// run runs an attack and returns what is wrong with what came of it.
func (a attack) run(t *testing.T, s *Sandbox) string {
	t.Helper()
	host := filepath.Join(t.TempDir(), "secret")
	writeFile(t, host, "LEAK")
	if err := os.Chmod(host, 0o644); err != nil {
		t.Fatal(err)
	}
	var namespaces strings.Builder
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&namespaces, kind, link)
	}
	cases := slices.Repeat([][2]string{{strings.ReplaceAll(a.input, "@NAMESPACES@", namespaces.String()), a.output + "\n"}}, a.cases)
	in := input(t, a.language, a.source, a.task, cases...)
	source, _ := execute.SourceName(a.language)
	writeFile(t, filepath.Join(in.SourceDir, source), strings.NewReplacer("@TD@", in.TestDataDir, "@HOSTFILE@", host).Replace(a.source))
	extra, err := filepath.Glob("testdata/attacks/files/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range extra {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(in.SourceDir, filepath.Base(path)), string(text))
	}
	begin := time.Now()
	got, err := s.Run(t.Context(), in)
	if err != nil {
		return err.Error()
	}
	if took, most := time.Since(begin), time.Duration(a.seconds*timeFactor())*time.Second; took > most {
		return fmt.Sprintf("took %v", took)
	}
	for i, c := range got[0] {
		switch {
		case !slices.Contains(a.want, c.Status),
			a.exit >= 0 && c.ExitCode != a.exit,
			strings.Contains(c.Stdout+c.Stderr, a.leak),
			c.Status != execute.CE && (c.MemoryUsage < 0 || c.ExecTime < 0):
			c.Stdout, c.Stderr = c.Stdout[:min(len(c.Stdout), 300)], c.Stderr[:min(len(c.Stderr), 300)]
			return fmt.Sprintf("case %d: want %v, exit code %d, got %+v", i, a.want, a.exit, c)
		}
	}
	return ""
}

// outside listens where a program would reach, were it not for the walls.
func outside(t *testing.T) {
	t.Helper()
	for _, at := range [][2]string{{"unix", "@rl-attack"}, {"tcp", "127.0.0.1:5999"}} {
		l, err := net.Listen(at[0], at[1])
		if err != nil && at[0] == "unix" {
			t.Fatal(err)
		}
		if err == nil { // in a guard without a network there is none to reach
			t.Cleanup(func() { _ = l.Close() })
		}
	}
}

func long() bool { return os.Getenv("RUNLEASE_LONG") != "" }

func TestAttacks(t *testing.T) {
	s := newSandbox(t, Config{Spares: 2})
	outside(t)
	for name, a := range attacks(t) {
		if a.long && !long() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if wrong := a.run(t, s); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// TestSameUser runs programs that have the user of the runner and of the box's first
// process, as all have if the runner is a service's.
func TestSameUser(t *testing.T) {
	s := newSandbox(t, Config{})
	s.without = "user of the slot"
	all := attacks(t)
	for _, name := range []string{"hello.c", "first-process.c", "own-inodes.c", "attributes.c", "capabilities.py", "raises-limits.c", "own-program.c"} {
		t.Run(name, func(t *testing.T) {
			if wrong := all[name].run(t, s); wrong != "" {
				t.Error(wrong)
			}
		})
	}
	// It closes its input to its user, and the checker reads the input.
	c := judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, File: "check.c"}
	in := refereed(t, c, execute.Python, "import os\nprint(input())\nos.fchmod(0, 0)", [2]string{"reads\n", ""})
	got, err := s.Run(t.Context(), in)
	if err != nil || got[0][0].Status != execute.AC {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestFewDescriptors runs these tests where there are few: a box has more levels of
// directories than its first process could have open, were there as many as elsewhere.
func TestFewDescriptors(t *testing.T) {
	itself, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for descriptors, want := range map[string]string{"1024": "--- PASS: TestAttacks/deep-directories.c", "256": "LimitNOFILE="} {
		cmd := exec.Command("sh", "-c", `ulimit -n "$0" && exec "$@"`, descriptors, itself, "-test.v", "-test.run", "^TestAttacks$/^deep-directories.c$")
		cmd.Env = append(os.Environ(), guarded+"=machine")
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("with %s descriptors: want %q, got %.2000s", descriptors, want, out)
		}
	}
}

// needed has, for each wall, the one attack that gets through without it.
var needed = map[string]string{
	// Without it there is no box at all; the same goes for the user and the mount
	// namespace, which the rest hangs on.
	"process namespace": "hello.c",
	"user of the slot":  "user-of-the-slot.c", "devices": "devices.c",
	"network namespace": "abstract-unix-socket.c",
	"IPC namespace":     "namespaces.c", "UTS namespace": "namespaces.c", "control group namespace": "namespaces.c",
	"read-only system": "read-only.c", "bounds of files": "bounds-of-files.c", "masks": "masked.c",
	"CPU limit": "limits-of-a-process.c", "file limit": "limits-of-a-process.c", "descriptor limit": "limits-of-a-process.c",
	"core limit": "limits-of-a-process.c", "stack limit": "stack-is-the-memory-limit.c",
	"memory group": "memory-100-mb.c", "processes group": "thread-bomb.c",
	"huge pages": "huge-pages.c", "killed first": "killed-first.c", "one core": "one-core.c", "sealed program": "own-program.c",
	"signals": "signals-are-as-usual.c",
	"clone3":  "clone3-new-user-namespace.c", "new namespaces by clone": "clone-of-a-namespace.c", "new namespaces": "unshare.c",
	"mounts": "open-tree.c", "other processes": "kcmp.c", "io_uring": "io-uring.c", "keyrings": "keyring.c",
	"System V IPC and message queues": "sysv-shm.c", "bpf": "bpf.c", "perf events": "perf-event.c", "userfaultfd": "userfaultfd.c",
	"secret memory": "memfd-secret.c", "socket families": "netlink.c", "file handles": "file-handle.c", "personality": "personality.c",
	"queued signals": "queued-signals.c", "signals of files": "signals-of-files.c", "limits of others": "limits-of-others.c",
	"limits of CPU time and cores": "own-limits.c", "KILL of all": "kills-all.c", "attributes": "attributes.c",
	"affinity": "one-core.c", "kernel log": "kernel-log.c", "machine": "fanotify.c", "file locks": "flock.c",
}

// wallsOf lists the names of the walls that the package's source asks for.
func wallsOf(t *testing.T) (walls []string) {
	t.Helper()
	asked := regexp.MustCompile(`(?:\.has\(|initWithout != |\{)"([^"]+)"(?:\)| \{|, unix\.RLIMIT)|"([^"]+)": unix\.CLONE`)
	paths, err := filepath.Glob("*_linux.go")
	for _, path := range paths {
		text, err2 := os.ReadFile(path)
		err = errors.Join(err, err2)
		for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
			walls = append(walls, m[1]+m[2])
		}
	}
	if err != nil || len(walls) < 20 {
		t.Fatalf("%d walls, %v", len(walls), err)
	}
	return walls
}

// TestEveryWallIsNeeded takes out one wall at a time, and runs the attack that
// must get through then.
func TestEveryWallIsNeeded(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("walls are the same for every user; they are taken out as root")
	}
	outside(t)
	all := attacks(t)
	for _, rule := range seccomp.Rules(false) {
		if needed[rule.Name] == "" {
			t.Errorf("no attack for the filter's rule %q", rule.Name)
		}
	}
	for _, wall := range wallsOf(t) {
		if needed[wall] == "" && wall != "user namespace" {
			t.Errorf("no attack for the wall %q", wall)
		}
	}
	for wall, name := range needed {
		t.Run(wall, func(t *testing.T) {
			s := newSandbox(t, Config{})
			a, found := all[name]
			if !found {
				t.Fatalf("no attack %s", name)
			}
			s.without = wall
			s.filters()
			var err error
			if s.system, s.links, err = s.findSystem(); err != nil {
				t.Fatal(err)
			}
			if s.init, err = filepath.EvalSymlinks("/proc/self/exe"); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(t.TempDir(), "without "+wall)
			if err := os.Symlink(s.init, link); err != nil {
				t.Fatal(err)
			}
			s.init = link
			if wrong := a.run(t, s); wrong == "" {
				t.Errorf("%s is judged right without it", name)
			} else {
				t.Log(wrong)
			}
		})
	}
}
