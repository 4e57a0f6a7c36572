package execute

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/until"
)

func newNative(t *testing.T, cfg NativeConfig) *Native {
	t.Helper()
	cfg.Dir = t.TempDir()
	n, err := NewNative(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// input writes a submission and the cases of one task, each an input and the
// expected output.
func input(t *testing.T, language int, source string, task Task, cases ...[2]string) Input {
	t.Helper()
	in := Input{Language: language, SourceDir: t.TempDir(), TestDataDir: t.TempDir()}
	name, _ := SourceName(language)
	write(t, filepath.Join(in.SourceDir, name), source)
	for i, c := range cases {
		write(t, filepath.Join(in.TestDataDir, CaseName(0, i)+".in"), c[0])
		write(t, filepath.Join(in.TestDataDir, CaseName(0, i)+".out"), c[1])
	}
	task.CaseCount = len(cases)
	in.Tasks = []Task{task}
	return in
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var ordinary = Task{MemoryLimit: 64 << 10, TimeLimit: 1000}

const (
	sumC   = "#include <stdio.h>\nint main(){int a,b;if(scanf(\"%d%d\",&a,&b)!=2)return 9;printf(\"%d \\n\\n\",a+b);}"
	sumCpp = "#include <cstdio>\nint main(){int a,b;if(std::scanf(\"%d%d\",&a,&b)!=2)return 9;auto sum=[&]{return a+b;};std::printf(\"%d\",sum());}"
	sumPy  = "print(sum(map(int, input().split())))"
)

func TestStatuses(t *testing.T) {
	small := Task{MemoryLimit: 32 << 10, TimeLimit: 1000}
	quick := Task{MemoryLimit: 64 << 10, TimeLimit: 200}
	n := newNative(t, NativeConfig{OutputLimit: 1 << 20, KeptOutput: 1000})
	for name, tc := range map[string]struct {
		language int
		source   string
		task     Task
		status   string
		exitCode int
		stderr   string // part of it
	}{
		"C accepted":               {C, sumC, ordinary, AC, 0, ""},
		"C++ accepted":             {Cpp, sumCpp, ordinary, AC, 0, ""},
		"Python accepted":          {Python, sumPy, ordinary, AC, 0, ""},
		"wrong answer":             {Python, "print(4)", ordinary, WA, 0, ""},
		"no answer":                {C, "int main(){}", ordinary, WA, 0, ""},
		"C does not compile":       {C, "int main(){return x;}", ordinary, CE, -1, "main.c:1"},
		"C++ does not compile":     {Cpp, "int main(){auto x;}", ordinary, CE, -1, "main.cpp:1"},
		"Python does not compile":  {Python, "print(1", ordinary, CE, -1, "never closed"},
		"spins":                    {C, "int main(){volatile int i=0;for(;;)i++;}", quick, TLE, 137, ""},
		"sleeps":                   {Python, "import time; time.sleep(30)", quick, TLE, 137, ""},
		"spins in a child":         {Python, "import os\nif os.fork() == 0:\n  while True: pass\nos.wait()", quick, TLE, 137, ""},
		"C touches too much":       {C, "#include <stdlib.h>\n#include <string.h>\nint main(){for(int i=0;i<1000;i++){char*p=malloc(1<<20);if(!p)return 3;memset(p,i+1,1<<20);}return 0;}", small, MLE, 137, ""},
		"C++ is refused memory":    {Cpp, "#include <vector>\nint main(){std::vector<char> v(1u<<30);return v[5];}", small, MLE, 134, "bad_alloc"},
		"Python is refused memory": {Python, "x = bytes(1 << 30)", small, MLE, 1, "MemoryError"},
		"static data too large":    {C, "static volatile char a[1<<30];\nint main(int c,char**v){a[c]=1;return a[c+1];}", small, MLE, -1, "static data"},
		"children share memory":    {C, "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <sys/wait.h>\nint main(){char*p=malloc(40<<20);memset(p,1,40<<20);if(!fork()){usleep(500000);_exit(0);}wait(0);puts(p[9]==1?\"5\":\"4\");}", ordinary, AC, 0, ""},
		"children take too much":   {Python, "import os,time\nfor _ in range(4):\n  if os.fork() == 0:\n    x = bytearray(os.urandom(1)) * (12 << 20); time.sleep(9)\nos.wait()", Task{MemoryLimit: 32 << 10, TimeLimit: 5000}, MLE, 137, ""},
		"is no program":            {C, "__asm__(\".section .interp,\\\"a\\\"\\n.ascii \\\"x\\\"\\n.text\");int main(){}", ordinary, CE, -1, "nothing that can be started"},
		"exit code":                {C, "int main(){return 3;}", ordinary, RE, 3, ""},
		"signal":                   {C, "#include <stdlib.h>\nint main(){abort();}", ordinary, RE, 134, ""},
		"null pointer":             {C, "int main(){volatile int *p = 0; return *p;}", ordinary, RE, 139, ""},
		"Python exception":         {Python, "1 / 0", ordinary, RE, 1, "ZeroDivisionError"},
		// Bounded, lest a failure of this test takes the machine along.
		"fork bomb":                 {C, "#include <unistd.h>\nint main(){for(int i=0;i<10;i++)fork();sleep(20);}", ordinary, RE, 137, "more than 64 processes"},
		"output without end":        {C, "#include <stdio.h>\nint main(){for(;;)puts(\"0123456789\");}", ordinary, OLE, 153, ""},
		"errors without end":        {C, "#include <stdio.h>\nint main(){for(;;)fputs(\"0123456789\", stderr);}", ordinary, OLE, 153, "cut here"},
		"Python output without end": {Python, "import os\ntry:\n  while True: os.write(1, b'x' * 9999)\nexcept OSError: os._exit(7)", ordinary, OLE, 7, ""},
		"files without end":         {Python, "import time\nfor i in range(9):\n  open(str(i), 'wb').write(b'x' * (1 << 20))\ntime.sleep(9)", ordinary, OLE, 137, "more than 4194304 bytes"},
		"files without number":      {Python, "import time\nfor i in range(2000): open(str(i), 'w')\ntime.sleep(9)", ordinary, OLE, 137, "1000 entries"},
		"deep recursion":            {C, "#include <stdio.h>\nint f(volatile int n){volatile char b[256];b[0]=n;return n?f(n-1)+(b[0]&0)+1:0;}\nint main(){int a,b;scanf(\"%d%d\",&a,&b);int d=f(60000);printf(\"%d\",a+b+d-60000);}", ordinary, AC, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := n.Run(t.Context(), input(t, tc.language, tc.source, tc.task, [2]string{"2 3\n", "5\n"}))
			if err != nil {
				t.Fatal(err)
			}
			c := got[0][0]
			if c.Status != tc.status || c.ExitCode != tc.exitCode || !strings.Contains(c.Stderr+c.Reason, tc.stderr) {
				t.Errorf("got %s, exit code %d, %d ms, %d KB, stderr %q; want %s, exit code %d, stderr with %q",
					c.Status, c.ExitCode, c.ExecTime, c.MemoryUsage, c.Stderr, tc.status, tc.exitCode, tc.stderr)
			}
			if left, _ := os.ReadDir(n.cfg.Dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestMeasuresTheProgramAndNotTheRunner(t *testing.T) {
	// A runner that is bigger than what it measures.
	ballast := make([]byte, 100<<20)
	for i := range ballast {
		ballast[i] = byte(i)
	}
	n := newNative(t, NativeConfig{})
	source := `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int main(){clock_t t=clock();char*p=malloc(20<<20);memset(p,1,20<<20);
while(clock()-t<CLOCKS_PER_SEC/10);
printf("%ld",(clock()-t)*1000/CLOCKS_PER_SEC);return p[77]-1;}` // not what its process took before main
	got, err := n.Run(t.Context(), input(t, C, source, ordinary, [2]string{}))
	if err != nil {
		t.Fatal(err)
	}
	c := got[0][0]
	if c.MemoryUsage < 20<<10 || c.MemoryUsage > 30<<10 {
		t.Errorf("memory %d KB, want 20 MB and a bit", c.MemoryUsage)
	}
	if own, err := strconv.ParseInt(c.Stdout, 10, 64); err != nil || c.ExecTime < own-10 || c.ExecTime > own+100 {
		t.Errorf("time %d ms, want %d and a bit: %v", c.ExecTime, own, err)
	}
	_ = ballast[len(ballast)-1]
}

func TestCasesAreSeparate(t *testing.T) {
	n := newNative(t, NativeConfig{})
	// Leaves a file behind, and a process; prints what it finds.
	source := `import os, subprocess
print(len(os.listdir(".")), os.environ.get("RUNNER_TOKEN"), input())
open("left", "w").close()
print(subprocess.Popen(["sleep", "60"]).pid, file=__import__("sys").stderr)`
	t.Setenv("RUNNER_TOKEN", "secret")
	got, err := n.Run(t.Context(), input(t, Python, source, ordinary, [2]string{"a", "0 None a"}, [2]string{"b", "0 None b"}, [2]string{"c", "0 None x"}))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{AC, AC, WA} {
		if c := got[0][i]; c.Status != want {
			t.Errorf("case %d: got %s with stdout %q, stderr %q; want %s", i, c.Status, c.Stdout, c.Stderr, want)
		}
		waitUntilGone(t, strings.TrimSpace(got[0][i].Stderr))
	}
}

// TestLeftoversHinderNobody: a case closes its directory and the one above. Root
// is kept out by no mode; as another user, the next case would have no directory.
func TestLeftoversHinderNobody(t *testing.T) {
	n := newNative(t, NativeConfig{})
	source := `import os
os.mkdir("d"); open("d/f", "w").close(); os.chmod("d", 0o555); os.chmod("..", 0o500); os.chmod(".", 0)`
	got, err := n.Run(t.Context(), input(t, Python, source, ordinary, [2]string{}, [2]string{}))
	if err != nil || got[0][0].Status != AC || got[0][1].Status != AC {
		t.Errorf("got %+v, %v", got, err)
	}
	if left, _ := os.ReadDir(n.cfg.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKeptOutputIsCutAndValid(t *testing.T) {
	n := newNative(t, NativeConfig{KeptOutput: 10})
	source := `import sys
sys.stdout.buffer.write(b"ab\xff" + b"c" * 20)`
	got, err := n.Run(t.Context(), input(t, Python, source, ordinary, [2]string{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := "ab\uFFFDccccccc\n[cut here: 23 bytes in all]\n"; got[0][0].Stdout != want {
		t.Errorf("got %q, want %q", got[0][0].Stdout, want)
	}
}

func TestExtraFilesOfASubmission(t *testing.T) {
	n := newNative(t, NativeConfig{})
	for language, files := range map[int]map[string]string{
		C:      {"main.c": "#include \"answer.h\"\n#include <stdio.h>\nint main(){printf(\"%d\", ANSWER);}", "answer.h": "#define ANSWER 5\n"},
		Python: {"main.py": "import answer\nprint(answer.value)", "answer.py": "value = 5\n"},
	} {
		in := input(t, language, "", ordinary, [2]string{"", "5"})
		for name, text := range files {
			write(t, filepath.Join(in.SourceDir, name), text)
		}
		got, err := n.Run(t.Context(), in)
		if err != nil || got[0][0].Status != AC {
			t.Errorf("language %d: %+v, %v", language, got, err)
		}
	}
}

func TestCompilerMessageIsBounded(t *testing.T) {
	n := newNative(t, NativeConfig{})
	source := "#error " + strings.Repeat("x", 100_000) + "\nint main(){}"
	got, err := n.Run(t.Context(), input(t, C, source, ordinary, [2]string{}, [2]string{}))
	if err != nil {
		t.Fatal(err)
	}
	if c := got[0][0]; c.Status != CE || len(c.Stderr) > compilerOutput+100 || !strings.Contains(c.Stderr, "cut here") {
		t.Errorf("got %s with %d bytes of message", c.Status, len(c.Stderr))
	}
	if c := got[0][1]; c.Status != CE || c.Stderr != "" {
		t.Errorf("second case: %+v", c)
	}
}

func TestStoppedInTheMiddle(t *testing.T) {
	n := newNative(t, NativeConfig{})
	pidFile := filepath.Join(t.TempDir(), "pid")
	source := fmt.Sprintf("import os, time\nopen(%q, 'w').write(str(os.getpid()))\ntime.sleep(60)", pidFile)
	lost := errors.New("lease lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	var pid []byte
	var wait sync.WaitGroup
	wait.Go(func() {
		for len(pid) == 0 {
			pid, _ = os.ReadFile(pidFile)
			time.Sleep(time.Millisecond)
		}
		cancel(lost)
	})
	_, err := n.Run(ctx, input(t, Python, source, Task{MemoryLimit: 64 << 10, TimeLimit: 50_000}, [2]string{}))
	wait.Wait()
	if !errors.Is(err, lost) {
		t.Errorf("got %v, want the cause of the stop", err)
	}
	waitUntilGone(t, string(pid))
}

func TestFaultsOfTheMachineAreNoVerdicts(t *testing.T) {
	n := newNative(t, NativeConfig{})
	// A KILL looks the same from every sender.
	_, err := n.Run(t.Context(), input(t, Python, "import os\nos.kill(os.getpid(), 9)", ordinary, [2]string{}))
	if !errors.Is(err, ErrKilled) {
		t.Errorf("a program that was killed: %v", err)
	}
	for said, fault := range map[string]bool{
		"g++: fatal error: Killed signal terminated program cc1plus":      true,
		"collect2: fatal error: ld terminated with signal 9 [Killed]":     true,
		"/usr/bin/ld: final link failed: No space left on device":         true,
		"main.cpp:1:2: error: #error Killed signal terminated program":    false,
		"    1 | #error No space left on device":                          false,
		"g++: fatal error: Aborted signal terminated program cc1plus":     false,
		"main.cpp:1:1: error: 'No space left on device' does not name it": false,
	} {
		gpp := filepath.Join(t.TempDir(), "g++")
		with(n, Cpp, gpp)
		if err := os.WriteFile(gpp, []byte("#!/bin/sh\ncat <<'END'\n"+said+"\nEND\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		got, err := n.Run(t.Context(), input(t, Cpp, sumCpp, ordinary, [2]string{}))
		if fault && (err == nil || !strings.Contains(err.Error(), said)) || !fault && (err != nil || got[0][0].Status != CE) {
			t.Errorf("compiler says %q: got %v, %v; want a fault of the machine: %v", said, got, err, fault)
		}
	}
	for what, end := range map[string]ending{"disk": {exitCode: 1, diskFull: true}, "KILL": {exitCode: 137, signal: syscall.SIGKILL}} {
		if machineFault(end, t.TempDir()) == nil {
			t.Errorf("%s: no fault", what)
		}
	}
	if err := machineFault(ending{exitCode: 137, signal: syscall.SIGKILL, stopped: overTime}, t.TempDir()); err != nil {
		t.Errorf("our own KILL: %v", err)
	}
}

func TestProgramsAreKilledBeforeTheRunner(t *testing.T) {
	mine, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(mine)))
	if err != nil {
		t.Fatal(err)
	}
	n := newNative(t, NativeConfig{})
	got, err := n.Run(t.Context(), input(t, Python, "print(open('/proc/self/oom_score_adj').read())", ordinary, [2]string{"", fmt.Sprint(min(score+500, 1000))}))
	if err != nil || got[0][0].Status != AC {
		t.Errorf("with a score of %d here: %+v, %v", score, got, err)
	}
}

// with gives a language another compiler.
func with(n *Native, language int, compiler string) {
	l := n.cfg.Languages[language]
	l.Compile = append([]string{compiler}, l.Compile[1:]...)
	n.cfg.Languages[language] = l
}

func TestFaultsOfTheRunner(t *testing.T) {
	n := newNative(t, NativeConfig{})
	with(n, C, "no-such-gcc")
	if _, err := n.Run(t.Context(), input(t, C, sumC, ordinary, [2]string{})); err == nil || !strings.Contains(err.Error(), "C11: ") {
		t.Errorf("without a compiler: %v", err)
	}
	with(n, Cpp, "/nonexistent/g++")
	if _, err := n.Run(t.Context(), input(t, Cpp, sumCpp, ordinary, [2]string{})); err == nil || !strings.Contains(err.Error(), "/nonexistent/g++ is not installed") {
		t.Errorf("with a compiler that vanished: %v", err)
	}
	in := input(t, Python, sumPy, ordinary, [2]string{"1 1", "2"})
	in.TestDataDir = t.TempDir()
	if _, err := n.Run(t.Context(), in); err == nil {
		t.Error("no error without test data")
	}
	n.cfg.Dir = "/proc/nonexistent"
	if _, err := n.Run(t.Context(), in); err == nil {
		t.Error("no error without a directory")
	}
}

// waitUntilGone waits until a process is dead; a zombie is.
func waitUntilGone(t *testing.T, pid string) {
	t.Helper()
	if n, err := strconv.Atoi(pid); err != nil || n < 2 {
		t.Fatalf("no process id: %q", pid)
	}
	until.True(t, 30*time.Second, "process "+pid+" is dead", func() bool { // before it ends by itself
		line, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(line), ") Z ")
	})
}

func BenchmarkTrivialCase(b *testing.B) {
	dir := b.TempDir()
	n, err := NewNative(NativeConfig{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	in := Input{Language: C, SourceDir: b.TempDir(), TestDataDir: b.TempDir()}
	for path, text := range map[string]string{
		filepath.Join(in.SourceDir, "main.c"):    sumC,
		filepath.Join(in.TestDataDir, "0000.in"): "1 2", filepath.Join(in.TestDataDir, "0000.out"): "3",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	prog, err := n.compile(b.Context(), in, dir)
	if err != nil || prog.reject != "" {
		b.Fatal(err, prog.reject)
	}
	for b.Loop() {
		c, err := n.runCase(b.Context(), prog, in, ordinary, "0000", dir)
		if err != nil || c.Status != AC {
			b.Fatal(c, err)
		}
	}
}
