package sandbox

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
)

// newSandbox makes a sandbox. Where the machine has none for this user, its tests
// are skipped, but never in CI: it must not be taken for tested.
func newSandbox(t *testing.T, cfg Config) *Sandbox {
	t.Helper()
	cfg.Dir = t.TempDir()
	s, err := New(cfg)
	if err != nil && os.Getuid() != 0 && os.Getenv("CI") == "" && os.Getenv(guarded) == "" {
		t.Skipf("no sandbox for this user: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// input writes a submission and the cases of one task, each an input and the
// expected output.
func input(t *testing.T, language int, source string, task execute.Task, cases ...[2]string) execute.Input {
	t.Helper()
	in := execute.Input{Language: language, SourceDir: t.TempDir(), TestDataDir: t.TempDir()}
	name, _ := execute.SourceName(language)
	writeFile(t, filepath.Join(in.SourceDir, name), source)
	for i, c := range cases {
		writeFile(t, filepath.Join(in.TestDataDir, execute.CaseName(0, i)+".in"), c[0])
		writeFile(t, filepath.Join(in.TestDataDir, execute.CaseName(0, i)+".out"), c[1])
	}
	task.CaseCount = len(cases)
	in.Tasks = []execute.Task{task}
	return in
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var ordinary = execute.Task{MemoryLimit: 64 << 10, TimeLimit: 1000}

const sumC = "#include <stdio.h>\nint main(){int a,b;if(scanf(\"%d%d\",&a,&b)!=2)return 9;printf(\"%d \\n\\n\",a+b);}"

func TestStatuses(t *testing.T) {
	s := newSandbox(t, Config{OutputLimit: 1 << 20, KeptOutput: 1000})
	for name, tc := range map[string]struct {
		language int
		source   string
		status   string
		exitCode int
		stderr   string // part of it
	}{
		"C":               {execute.C, sumC, execute.AC, 0, ""},
		"C++":             {execute.Cpp, "#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b;}", execute.AC, 0, ""},
		"Python":          {execute.Python, "print(sum(map(int, input().split())))", execute.AC, 0, ""},
		"no answer":       {execute.C, "int main(){}", execute.WA, 0, ""},
		"does not parse":  {execute.Python, "print(1", execute.CE, -1, "never closed"},
		"not UTF-8":       {execute.Python, "# caf\xe9\nprint(5)", execute.CE, -1, "SyntaxError"},
		"in Latin-1":      {execute.Python, "# coding: latin-1\n# caf\xe9\nprint(5)", execute.AC, 0, ""},
		"spins":           {execute.C, "int main(){volatile int i=0;for(;;)i++;}", execute.TLE, 137, ""},
		"touches memory":  {execute.C, "#include <stdlib.h>\n#include <string.h>\nint main(){for(;;){char*p=malloc(1<<20);memset(p,1,1<<20);}}", execute.MLE, 137, ""},
		"null pointer":    {execute.C, "int main(){volatile int *p = 0; return *p;}", execute.RE, 139, ""},
		"endless output":  {execute.C, "#include <stdio.h>\nint main(){for(;;)puts(\"0123456789\");}", execute.OLE, 137, ""},
		"no such source":  {execute.C, "", execute.CE, -1, ""},
		"without a main.": {execute.Cpp, "int a;", execute.CE, -1, "main"},
	} {
		t.Run(name, func(t *testing.T) {
			task := ordinary
			task.TimeLimit *= timeFactor()
			got, err := s.Run(t.Context(), input(t, tc.language, tc.source, task, [2]string{"2 3\n", "5\n"}))
			if err != nil {
				t.Fatal(err)
			}
			c := got[0][0]
			if c.Status != tc.status || c.ExitCode != tc.exitCode && tc.status != execute.OLE || !strings.Contains(c.Stderr, tc.stderr) {
				t.Errorf("got %+v; want %s, exit code %d, stderr with %q", c, tc.status, tc.exitCode, tc.stderr)
			}
			s.beside.Wait()
			if left, _ := os.ReadDir(s.cfg.Dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestKilledFromOutsideIsNoVerdict ends a program as something that watches the
// machine's memory would.
func TestKilledFromOutsideIsNoVerdict(t *testing.T) {
	s := newSandbox(t, Config{})
	source := "#include <sys/prctl.h>\n#include <unistd.h>\nint main(){prctl(PR_SET_NAME,\"killme\");sleep(60);}"
	in := input(t, execute.C, source, execute.Task{MemoryLimit: 64 << 10, TimeLimit: 60_000}, [2]string{})
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond):
			}
			paths, _ := filepath.Glob("/proc/[0-9]*/comm")
			for _, path := range paths {
				if name, _ := os.ReadFile(path); string(name) == "killme\n" {
					pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
					_ = syscall.Kill(pid, syscall.SIGKILL)
					return
				}
			}
		}
	}()
	got, err := s.Run(t.Context(), in)
	close(over)
	<-done
	if !errors.Is(err, execute.ErrKilled) {
		t.Errorf("got %+v, %v; want %v", got, err, execute.ErrKilled)
	}
}

// TestKillsWithoutEnd: what the runner does for each KILL must not take it much, since
// it is no time of the program's.
func TestKillsWithoutEnd(t *testing.T) {
	s := newSandbox(t, Config{})
	spent := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := spent()
	task := execute.Task{MemoryLimit: 64 << 10, TimeLimit: 1000}
	got, err := s.Run(t.Context(), input(t, execute.C, "#include <signal.h>\nint main(){for(;;)kill(99999,SIGKILL);}", task, [2]string{}))
	if err != nil || got[0][0].Status != execute.TLE {
		t.Errorf("got %+v, %v", got, err)
	}
	if took := spent() - before; took > time.Second {
		t.Errorf("the runner took %v of CPU time", took)
	}
}

// TestFilesHinderNoNeighbour has one program write all files that it can, below the
// limit of each, beside others on a disk that is small.
func TestFilesHinderNoNeighbour(t *testing.T) {
	s := newSandbox(t, Config{})
	if s.root {
		if err := syscall.Mount("disk", s.cfg.Dir, "tmpfs", 0, "size=8m"); err != nil {
			t.Fatal(err)
		}
		defer func() { s.beside.Wait(); _ = syscall.Unmount(s.cfg.Dir, 0) }()
	}
	filler := "import time\ntry:\n  for i in range(100): open('f%d' % i, 'wb').write(b'x' * (15 << 20))\n" +
		"except OSError as e: print(e.errno, i, flush=True)\ntime.sleep(1)"
	large := execute.Task{MemoryLimit: 1 << 20, TimeLimit: 5000 * timeFactor()}
	filling := input(t, execute.Python, filler, large, [2]string{"", "28 17"}) // no space left, in the 18th file of 15 MB
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err := s.Run(t.Context(), filling)
		if err != nil || got[0][0].Status != execute.AC {
			t.Errorf("the one that fills: got %+v, %v", got, err)
		}
	}()
	for beside := true; beside; {
		select {
		case <-done:
			beside = false
		default:
		}
		got, err := s.Run(t.Context(), input(t, execute.C, sumC, ordinary, [2]string{"2 3", "5"}))
		if err != nil || got[0][0].Status != execute.AC {
			t.Errorf("a neighbour: got %+v, %v", got, err)
		}
	}
}

// TestTimeAndMemoryAreTheProgramsOwn compares with what programs say of themselves:
// the closest of ten times, and every peak of memory.
func TestTimeAndMemoryAreTheProgramsOwn(t *testing.T) {
	const head = `#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
static long of(int who){struct rusage r;getrusage(who,&r);return (r.ru_utime.tv_sec+r.ru_stime.tv_sec)*1000000+r.ru_utime.tv_usec+r.ru_stime.tv_usec;}
static void*until(void*ms){volatile long n=0;while(of(RUSAGE_SELF)<1000*(long)ms)for(int i=0;i<100000;i++)n++;return 0;}
static void touch(int mb){volatile char*p=malloc(mb<<20);for(int i=0;i<mb<<20;i+=4096)p[i]=1;}
static int told(){printf("%ld",(of(RUSAGE_SELF)+of(RUSAGE_CHILDREN))/1000);return 0;}
`
	s := newSandbox(t, Config{})
	for name, program := range map[string]struct {
		source string
		mb     int // that it touches
	}{
		"computes":                    {"int main(){until((void*)200);return told();}", 0},
		"30 MB":                       {"int main(){touch(30);until((void*)200);return told();}", 30},
		"200 MB, gone before it ends": {"int main(){if(!fork()){touch(200);until((void*)200);_exit(0);}wait(0);return told();}", 200},
		"in the kernel":               {"int main(){static char b[65536];int z=open(\"/dev/zero\",0);while(of(RUSAGE_SELF)<200000)read(z,b,65536);return told();}", 0},
		"four threads, 40 MB":         {"int main(){pthread_t t[4];touch(40);for(int i=0;i<4;i++)pthread_create(t+i,0,until,(void*)200);for(int i=0;i<4;i++)pthread_join(t[i],0);return told();}", 40},
		"four children, 10 MB each":   {"int main(){for(int i=0;i<4;i++)if(!fork()){touch(10);until((void*)80);sleep(1);_exit(0);}while(wait(0)>0);return told();}", 40},
	} {
		t.Run(name, func(t *testing.T) {
			task := execute.Task{MemoryLimit: 256 << 10, TimeLimit: 3000}
			got, err := s.Run(t.Context(), input(t, execute.C, head+program.source, task, slices.Repeat([][2]string{{"", "x"}}, 10)...))
			if err != nil {
				t.Fatal(err)
			}
			least, lowest, highest := 1.0, math.MaxInt64, 0
			for _, c := range got[0] {
				own, err := strconv.Atoi(c.Stdout)
				if err != nil {
					t.Fatalf("%v: %+v", err, c)
				}
				least = min(least, math.Abs(float64(c.ExecTime)/float64(own)-1))
				lowest, highest = min(lowest, int(c.MemoryUsage)), max(highest, int(c.MemoryUsage))
			}
			t.Logf("time off by %.1f %%, %d to %d KB", 100*least, lowest, highest)
			if least > 0.03 {
				t.Errorf("the closest of ten times is off by %.1f %%, want 3 %% at most", 100*least)
			}
			if lowest < program.mb<<10 || highest > (program.mb+3)<<10 {
				t.Errorf("memory %d to %d KB, want %d MB and a bit", lowest, highest, program.mb)
			}
		})
	}
}

// TestChaosIsPutBesideTheSource has a main that the problem adds, and a submission
// whose files stand in the way of what is added.
func TestChaosIsPutBesideTheSource(t *testing.T) {
	s := newSandbox(t, Config{})
	in := input(t, execute.C, "#include \"given.h\"\nint twice(int n){return FACTOR*n;}", ordinary, [2]string{"21", "42"})
	chaos := filepath.Join(in.TestDataDir, "chaos")
	if err := os.Mkdir(chaos, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(chaos, "sub"), filepath.Join(in.SourceDir, "given.h")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(in.SourceDir, "given.h", "x"), "")
	writeFile(t, filepath.Join(in.SourceDir, "sub"), "")
	writeFile(t, filepath.Join(chaos, "sub", "no.c"), "it is not compiled")
	writeFile(t, filepath.Join(chaos, "sub", "factor.h"), "#define FACTOR 2\n")
	writeFile(t, filepath.Join(chaos, "given.h"), "#include \"sub/factor.h\"\n")
	writeFile(t, filepath.Join(chaos, "driver.c"), "#include <stdio.h>\nint twice(int);\nint main(){int n;scanf(\"%d\",&n);printf(\"%d\",twice(n));}")
	got, err := s.Run(t.Context(), in)
	if err != nil || got[0][0].Status != execute.AC {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What a problem says goes before the sandbox's own limits.
func TestRulesOfAProblem(t *testing.T) {
	s := newSandbox(t, Config{})
	in := input(t, execute.Python, "print(2.9999)", ordinary, [2]string{"", "3\n"}, [2]string{"", "4\n"}, [2]string{"", "3\n"})
	in.Rules = judging.Rules{StopOnFailure: true, Checker: judging.Checker{Kind: judging.Floats, Abs: 1e-3}}
	got, err := s.Run(t.Context(), in)
	if err != nil || got[0][0].Status != execute.AC || got[0][1].Status != execute.WA || got[0][2].Status != execute.WA || got[0][2].Reason != execute.Skipped {
		t.Errorf("got %+v, %v", got, err)
	}
	in = input(t, execute.Cpp, "#include <bits/stdc++.h>\nint main() {}", ordinary, [2]string{})
	in.Compile.TimeLimit = 20
	got, err = s.Run(t.Context(), in)
	if err != nil || got[0][0].Status != execute.CE || !strings.Contains(got[0][0].Stderr, "the compiler took longer than 20ms") {
		t.Errorf("a compiler over its time: got %+v, %v", got, err)
	}
}

// TestReasons are told for each limit.
func TestReasons(t *testing.T) {
	s := newSandbox(t, Config{})
	small := execute.Task{MemoryLimit: 64 << 10, TimeLimit: 2000}
	for source, want := range map[string]string{
		"import sys\nsys.exit(7)":                                              "exit code 7",
		"import os\nos.kill(os.getpid(), 11)":                                  "signal 11 (segmentation fault)",
		"while True: pass":                                                     "more than 2000 ms of CPU time",
		"x = bytearray(128 << 20)\nprint(x[:1])":                               "more than 65536 KB of memory",
		"import os\nos.write(1, b'x' * 1025)":                                  "more than 1024 bytes of output",
		"import os\nwhile True:\n  if not os.fork(): os.read(os.pipe()[0], 1)": "more than 64 processes",
		"import os\nos.write(1, b'x' * 1024)":                                  "",
	} {
		in := input(t, execute.Python, source, small, [2]string{})
		in.OutputLimit = 1
		got, err := s.Run(t.Context(), in)
		if err != nil || got[0][0].Reason != want || strings.Contains(got[0][0].Stderr, "more than") {
			t.Errorf("%q: got %+v, %v; want the reason %q", source, got, err, want)
		}
	}
	missing := input(t, execute.Cpp, "", ordinary, [2]string{}, [2]string{})
	if err := os.Remove(filepath.Join(missing.SourceDir, "main.cpp")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Run(t.Context(), missing)
	if err != nil || got[0][0].Status != execute.CE || !strings.Contains(got[0][0].Stderr, "main.cpp is missing") {
		t.Errorf("without a source: got %+v, %v", got, err)
	}
}
