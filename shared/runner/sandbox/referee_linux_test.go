package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
)

// refereed is a submission to a problem with a program of testdata/referees.
func refereed(t *testing.T, c judging.Checker, language int, source string, cases ...[2]string) execute.Input {
	t.Helper()
	in := input(t, language, source, ordinary, cases...)
	in.Checker = c
	dir := filepath.Join(in.TestDataDir, judging.Folder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "beside.h"), "#define BESIDE 7")
	for _, name := range []string{"check.c", "talk.c"} {
		if name == c.File {
			text, err := os.ReadFile("testdata/referees/" + name)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, name), string(text))
		}
	}
	return in
}

const echo = "print(input())"

// What a checker does is told from what a submission does, in both protocols.
func TestCheckers(t *testing.T) {
	s := newSandbox(t, Config{})
	limited := judging.Checker{Kind: judging.Program, File: "check.c", TimeLimit: 500 * timeFactor(), MemoryLimit: 32 << 10}
	for protocol, cases := range map[judging.Protocol][]struct{ says, status, reason string }{
		judging.Testlib: {
			{"exit 0 fine", execute.AC, ""},
			{"exit 1 differs at 3", execute.WA, "on stderr: differs at 3"},
			{"exit 2", execute.WA, "on stderr:"},
			{"exit 3 no answer", execute.JE, "the problem's checker reports a fault of the problem: on stderr: no answer"},
			{"exit 4", execute.WA, ""},
			{"exit 7 0.5", execute.JE, "gives partial points, which no task can have: on stderr: 0.5"},
			{"exit 42", execute.JE, "ended with exit code 42, which means nothing in the protocol testlib"},
			{"abort", execute.JE, "the problem's checker was ended by signal 6 (aborted)"},
			{"spin", execute.JE, "the problem's checker took more than"},
			{"sleep", execute.JE, "the problem's checker was not over after"},
			{"flood", execute.JE, "the problem's checker wrote too much: 0123456789"},
			{"memory", execute.JE, "the problem's checker took more than 32768 KB of memory"},
			{"fork", execute.JE, "the problem's checker started more than 64 processes"},
			{"hostile", execute.AC, ""},
			{"exit 1 " + strings.Repeat("x", 400), execute.WA, "xx..."},
			{"exit 1 /w/x /src/y", execute.WA, "on stderr: x y"},
		},
		judging.Kattis: {
			{"exit 42 fine", execute.AC, ""},
			{"exit 43 differs at 3", execute.WA, "differs at 3"},
			{"exit 43", execute.WA, "on stderr:"},
			{"exit 0", execute.JE, "ended with exit code 0, which means nothing in the protocol kattis"},
			{"link", execute.WA, ""},
		},
	} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			c := limited
			c.Protocol = protocol
			var files [][2]string
			for _, one := range cases {
				files = append(files, [2]string{one.says + "\n", "right\n"})
			}
			got, err := s.Run(t.Context(), refereed(t, c, execute.Python, echo, files...))
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range cases {
				if c := got[0][i]; c.Status != want.status || !strings.Contains(c.Reason, want.reason) || want.says == "link" && c.Reason != "" || c.Status == execute.AC && c.Reason != "" || !strings.HasPrefix(c.Stdout, want.says) {
					t.Errorf("%q: %s %q, want %s %q", want.says, c.Status, c.Reason, want.status, want.reason)
				}
			}
		})
	}
}

// A checker is asked about what is well otherwise, and nothing that a submission
// writes is taken for its word.
func TestCheckersAreAskedLast(t *testing.T) {
	s := newSandbox(t, Config{OutputLimit: 1 << 20})
	c := judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, File: "check.c"}
	for source, status := range map[string]string{
		"print('exit 0')\nraise SystemExit(3)":             execute.RE,
		"print('exit 0\\n' * 200000)":                      execute.OLE,
		"print(1":                                          execute.CE,
		"import sys\nsys.stdout.buffer.write(b'\\0\\xff')": execute.JE, // of check.c, which knows no such word
	} {
		got, err := s.Run(t.Context(), refereed(t, c, execute.Python, source, [2]string{"", ""}))
		if err != nil || got[0][0].Status != status {
			t.Errorf("%q: %+v, %v; want %s", source, got, err, status)
		}
	}
}

// A checker that does not compile, or to what cannot be started, is not the
// submission's fault; one in Python is not compiled.
func TestCheckersThatDoNotCompile(t *testing.T) {
	s := newSandbox(t, Config{})
	for name, program := range map[string]struct{ source, says string }{
		"broken.cpp": {"int main() {", "broken.cpp"}, "broken.py": {"print(1", "SyntaxError"},
		"unfit.cpp": {"__asm__(\".section .interp,\\\"a\\\"\\n.ascii \\\"x\\\"\\n.text\"); int main() {}", "nothing that can be started"},
	} {
		c := judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, Language: execute.Cpp, File: name}
		if strings.HasSuffix(name, ".py") {
			c.Language = execute.Python
		}
		in := refereed(t, c, execute.Python, echo, [2]string{"1", "1"}, [2]string{"1", "1"})
		writeFile(t, filepath.Join(in.TestDataDir, judging.Folder, name), program.source)
		got, err := s.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if first, last := got[0][0], got[0][1]; first.Status != execute.JE || last.Status != execute.JE || last.Reason != "the problem's checker does not compile" ||
			!strings.Contains(first.Stderr, program.says) || strings.Contains(first.Stderr, "/") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A checker is compiled once for all jobs, also for two at a time, and again if
// its file is damaged.
func TestCheckersAreCompiledOnce(t *testing.T) {
	var mu sync.Mutex
	compiled := 0
	s := newSandbox(t, Config{Trace: func(part string, _ time.Duration) {
		if part == "compile checker" {
			mu.Lock()
			compiled++
			mu.Unlock()
		}
	}})
	c := judging.Checker{Kind: judging.Program, Protocol: judging.Testlib, File: "check.c"}
	kept := filepath.Join(t.TempDir(), "kept")
	judge := func() {
		in := refereed(t, c, execute.Python, echo, [2]string{"exit 0\n", ""})
		in.RefereeFile = kept
		if got, err := s.Run(t.Context(), in); err != nil || got[0][0].Status != execute.AC {
			t.Errorf("%+v, %v", got, err)
		}
	}
	var jobs sync.WaitGroup
	jobs.Go(judge)
	jobs.Go(judge)
	jobs.Wait()
	judge()
	if compiled != 1 {
		t.Errorf("compiled %d times", compiled)
	}
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{text[:len(text)-1], append([]byte("x"), text[1:]...), {}} {
		if err := os.WriteFile(kept, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		judge()
	}
	if compiled != 4 {
		t.Errorf("compiled %d times with three damaged files", compiled)
	}
}

// A submission gets at no process, file or descriptor of the interactor.
func TestInteractorsAreOutOfReach(t *testing.T) {
	source, err := os.ReadFile("testdata/referees/reach.c")
	if err != nil {
		t.Fatal(err)
	}
	c := judging.Checker{Kind: judging.Interactor, Protocol: judging.Kattis, File: "talk.c"}
	got, err := newSandbox(t, Config{}).Run(t.Context(), refereed(t, c, execute.C, string(source), [2]string{">go <4 $ e42", "LEAK"}))
	if err != nil || got[0][0].Status != execute.AC || got[0][0].Stdout != "4\n" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The side of a talk that fails first is at fault.
func TestInteractors(t *testing.T) {
	s := newSandbox(t, Config{OutputLimit: 1 << 20})
	talk, err := os.ReadFile("testdata/referees/talk.c")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var jobs sync.WaitGroup
	for i, row := range []struct{ interactor, submission, status, reason string }{
		{"<4 >9 <81 e0", ">4 < >81", execute.AC, ""},
		{"<4 e1", ">5 <", execute.WA, "it said 5"},
		{"<4 e1", ">5 $ a", execute.WA, "it said 5"},    // it aborts because the interactor has gone
		{"<4 e1", ">5 f", execute.WA, "it said 5"},      // it is stopped
		{"r300 e0", "q300", execute.AC, ""},             // longer than it may be idle, but it is not
		{"w60000 $ e0", "w20000 e0", execute.AC, ""},    // what comes for it when it has ended goes nowhere
		{"<4 e0", "e0", execute.WA, "nothing was said"}, // it ends too early
		{"<4 e0", ">4 w1000 e0", execute.AC, ""},        // what comes behind the end is not read, and breaks no pipe
		{"<4 e0", ">4 $ e7", execute.RE, "exit code 7"}, // it fails after it was accepted
		{"< w100000 e0", "> a", execute.RE, "signal 6"}, // it fails first
		{"< > $ e0", "> e3", execute.RE, "exit code 3"}, // the same, and the interactor is content
		{"< > $ e0", "> < s", execute.TLE, "CPU time"},  // it spins
		{"< > $ e0", "> < m", execute.MLE, "of memory"}, // it takes too much
		{"< > $ e0", "> < f", execute.OLE, "of output"}, // it floods
		{"e3", "z", execute.JE, "reports a fault"},      // the interactor fails
		{"a", "z", execute.JE, "the problem's interactor was ended by signal 6"},
		{"s", "z", execute.JE, "the problem's interactor took more than"},
		{"m", "<", execute.JE, "the problem's interactor took more than"},
		{"f", "$", execute.JE, "the problem's interactor wrote too much"},
		{"<4 e5", ">4", execute.JE, "ended with exit code 5"},
		{"<4 <", ">4 <", execute.TLE, "by the clock"},                      // both wait
		{"w100000 e0", "z", execute.TLE, "by the clock"},                   // it does not read
		{"z", ">4 <", execute.JE, "does not read what"},                    // the interactor does not
		{"$ z", ">4", execute.JE, "the problem's interactor was not over"}, // it does not end
	} {
		in := refereed(t, judging.Checker{
			Kind: judging.Interactor, Protocol: judging.Testlib, File: "talk.c", TimeLimit: 500 * timeFactor(), MemoryLimit: 32 << 10,
		}, execute.C, string(talk), [2]string{">" + strings.ReplaceAll(row.submission, " ", "_") + " " + row.interactor + "\n", "answer\n"})
		in.RefereeFile, in.Tasks[0].TimeLimit = filepath.Join(dir, fmt.Sprint(i%2)), 300*timeFactor()
		jobs.Go(func() {
			got, err := s.Run(t.Context(), in)
			if err != nil || got[0][0].Status != row.status || !strings.Contains(got[0][0].Reason, row.reason) {
				t.Errorf("interactor %q, submission %q: %+v, %v; want %s %q", row.interactor, row.submission, got, err, row.status, row.reason)
			}
		})
	}
	jobs.Wait()
}
