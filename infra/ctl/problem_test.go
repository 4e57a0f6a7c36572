package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/judging"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/zips"
)

// built builds a program of the project.
func built(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := program.Build(dir, name); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// author is somebody who makes a problem in a folder.
type author struct {
	t   *testing.T
	dir string
	env map[string]string
}

func (a author) write(name string, text []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// ctl runs ctl problem, and insists on its exit code and on a part of what it
// prints.
func (a author) ctl(exit int, prints string, args ...string) {
	a.t.Helper()
	var out bytes.Buffer
	op := operator{out: &out, err: &out, getenv: func(name string) string { return a.env[name] }}
	if got := run(a.t.Context(), op, append([]string{"problem"}, args...)); got != exit || !strings.Contains(out.String(), prints) {
		a.t.Errorf("%v: exit %d, want %d with %q; printed\n%s", args, got, exit, prints, out.String())
	}
}

const sums = `{"tasks":[{"taskScore":100,"caseCount":2,"memoryLimit":65536,"timeLimit":1000}],"stopOnFailure":true,"checker":{"kind":"tokens"}}`

func sumsData(first string) []byte {
	return zips.Of(
		zips.File{Name: "0000.in", Text: first}, zips.File{Name: "0000.out", Text: "3\n"},
		zips.File{Name: "0001.in", Text: "2 2\n"}, zips.File{Name: "0001.out", Text: "4\n"}, zips.File{Name: "README", Text: "\x00\xff"},
	)
}

func TestProblemCheck(t *testing.T) {
	a := author{t: t, dir: t.TempDir()}
	about, good := "-problem="+a.write("problem.json", []byte(sums)), a.write("good.zip", sumsData("1 2\n"))
	a.ctl(0, "", "check", about, good)
	for _, c := range []struct{ name, first, prints string }{
		{"UTF-16", "\xff\xfe1\x00 \x002\x00", "0000.in: it is UTF-16"},
		{"a byte-order mark", "\xef\xbb\xbf1 2\n", "0000.in: it begins with a byte-order mark"},
	} {
		a.ctl(1, c.prints, "check", about, a.write("odd.zip", sumsData(c.first)))
	}
	for _, c := range []struct{ name, first, prints string }{
		{"line ends of Windows", "1\r\n2\r\n", "0000.in: note: 2 of its 2 lines end in CR LF"},
		{"no line end", "1 2", "0000.in: note: its last line does not end"},
		{"empty", "", "0000.in: note: it is empty"},
		{"zero bytes", "1\x002\n", "0000.in: note: it has 1 zero bytes"},
	} {
		a.ctl(0, c.prints, "check", about, a.write("odd.zip", sumsData(c.first)))
	}
	damaged := sumsData("1 2\n")
	damaged[bytes.Index(damaged, []byte("1 2\n"))] = '7'
	a.ctl(1, "0000.in: it is damaged", "check", about, a.write("odd.zip", damaged))
	a.ctl(1, "0001.in: missing (task 0, case 1)", "check", about, a.write("odd.zip", zips.TestData(1)))
	a.ctl(1, "problem.json: tasks: scores sum to 99", "check", "-problem="+a.write("problem.json", []byte(strings.Replace(sums, "100", "99", 1))), good)
	a.ctl(1, "unknown field", "check", "-problem="+a.write("problem.json", []byte(strings.Replace(sums, "tasks", "task", 1))), good)
	a.ctl(2, "the zip of test data is missing", "check", about)
}

// hasSandbox reports whether this machine has a sandbox for this user. In CI, and
// for root, it must have.
func hasSandbox(t *testing.T, runner string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), runner, "-check").CombinedOutput()
	switch {
	case err == nil:
		return true
	case os.Getuid() == 0 || os.Getenv("CI") != "":
		t.Fatalf("no sandbox: %s", out)
	}
	t.Logf("no sandbox for this user, nothing is judged in it: %s", out)
	return false
}

// A solution is judged by the runner, as submissions will be.
func TestProblemCheckJudgesASolution(t *testing.T) {
	a := author{t: t, dir: t.TempDir()}
	about, data := "-problem="+a.write("problem.json", []byte(sums)), a.write("data.zip", sumsData("1 2\n"))
	runner := built(t, "runner")
	for _, isolation := range []string{"native", "sandbox"} {
		if isolation == "sandbox" && !hasSandbox(t, runner) {
			continue
		}
		executor := "-executor=" + runner + " -execute -isolation " + isolation
		right := a.write("main.py", []byte("print(*map(int, [sum(map(int, input().split()))]), end=' ')"))
		a.ctl(0, "the solution is accepted: at most", "check", about, executor, "-solution="+right, data)
		wrong := a.write("main.py", []byte("print(3)"))
		a.ctl(1, "task 0, case 1: WA", "check", about, executor, "-solution="+wrong, data)
		a.ctl(1, "want a file that is called", "check", about, executor, "-solution="+data, data)
	}
	program := a.write("program.json", []byte(strings.Replace(sums, `"tokens"`, `"program","protocol":"kattis","file":"check.c"`, 1)))
	data = a.write("data.zip", zips.Of(zips.File{Name: "0000.in"}, zips.File{Name: "0000.out"}, zips.File{Name: "0001.in"}, zips.File{Name: "0001.out"}, zips.File{Name: "checker/check.c"}))
	a.ctl(0, "checker/check.c: note: it is compiled and run with -solution only", "check", "-problem="+program, data)
	a.ctl(1, "run in the sandbox only", "check", "-problem="+program, "-executor="+runner+" -execute -isolation native", "-solution="+a.write("main.py", nil), data)
}

// A problem is handed in to a server, and an incomplete one is refused.
func TestProblemPutAndPublish(t *testing.T) {
	server := exec.CommandContext(t.Context(), built(t, "local"), "-addr", "127.0.0.1:0")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	var started struct{ URL, ProducerToken string }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &started) != nil {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	a := author{t: t, dir: t.TempDir(), env: map[string]string{apiEnv: started.URL, producerTokenEnv: started.ProducerToken}}
	about, data := "-problem="+a.write("problem.json", []byte(sums)), a.write("data.zip", sumsData("1 2\n"))
	a.ctl(1, "problem not found", "show", "7")
	a.ctl(1, "0000.in: missing", "put", about, "-testdata="+a.write("odd.zip", zips.Of()), "7")
	for range 2 {
		a.ctl(0, "problem 7 has a draft", "put", about, "-testdata="+data, "7")
	}
	a.ctl(0, "problem 7: version 1 is current", "publish", "7")
	a.ctl(0, "version 1 stays current", "publish", "7")
	a.ctl(0, `"kind": "tokens"`, "show", "7")

	a.ctl(0, "PROBLEM  VERSION\n7        1\n", "list")
	a.ctl(0, "VERSION  TASKS  CASES  TEST DATA, BYTES  SHA-256\n1        1      2      ", "versions", "7")
	a.ctl(1, "problem not found", "versions", "8")

	// What was published comes back, and replaces no file.
	back := filepath.Join(a.dir, "back.zip")
	a.ctl(0, "the test data of version 1 is in "+back, "download", "-version=1", "-out="+back, "7")
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, sumsData("1 2\n")) {
		t.Errorf("downloaded %d bytes, %v", len(got), err)
	}
	a.ctl(1, "file exists", "download", "-version=1", "-out="+back, "7")
	a.ctl(1, "problem version not found", "download", "-version=2", "-out="+back+"2", "7")
	a.ctl(2, "which version, and where to?", "download", "-out="+back+"2", "7")

	// New tasks with the old test data: the server says what is missing.
	a.ctl(0, "", "put", "-problem="+a.write("problem.json", []byte(strings.Replace(sums, `"caseCount":2`, `"caseCount":3`, 1))), "7")
	a.ctl(1, "0002.out: missing (task 0, case 2)", "publish", "7")
	a.ctl(2, "is no id of a problem", "publish", "x")
	a.env[producerTokenEnv] = "rlp_none"
	a.ctl(1, "invalid token", "publish", "7")
	a.env[producerTokenEnv] = ""
	a.ctl(1, "a producer's token is missing", "publish", "7")
}

// What the page for authors shows is a problem that check takes, with the checker
// that it is about. A program judges solutions in the sandbox.
func TestExamplesOfTheAuthorsPage(t *testing.T) {
	page, err := os.ReadFile("PROBLEMS.md")
	if err != nil {
		t.Fatal(err)
	}
	a := author{t: t, dir: t.TempDir()}
	runner := built(t, "runner")
	sandbox := hasSandbox(t, runner)
	solutions := map[judging.Kind]struct{ right, wrong, says string }{
		judging.Program: {"n = int(input())\nprint(2, n - 2)", "n = int(input())\nprint(n, 2)", "task 0, case 0: WA the sum is not right"},
		judging.Interactor: {
			"low, high, said = 1, 1000, ''\nwhile said != '=':\n  n = (low + high) // 2\n  print(n, flush=True)\n  said = input()\n  if said == '<': high = n - 1\n  else: low = n + 1",
			"n = 0\nwhile True:\n  n += 1\n  print(n, flush=True)\n  if input() == '=': break", "task 0, case 1: WA more than 10 questions",
		},
	}
	kinds := map[judging.Kind]bool{}
	for i, part := range strings.Split(string(page), "```json\n")[1:] {
		example, rest, _ := strings.Cut(part, "```")
		path := a.write(fmt.Sprintf("%d.json", i), []byte(example))
		p, err := readProblem(path)
		if err != nil {
			t.Errorf("%v\n%s", err, example)
			continue
		}
		kinds[p.Checker.Kind] = true
		if !p.Checker.IsProgram() {
			a.ctl(0, "", "check", "-problem="+path, a.write("data.zip", zips.TestData(p.want().Cases...)))
			continue
		}
		files := []zips.File{{Name: "0000.in", Text: "10"}, {Name: "0000.out"}, {Name: "0001.in", Text: "77"}, {Name: "0001.out"}}
		a.ctl(1, p.Checker.Path()+": missing", "check", "-problem="+path, a.write("data.zip", zips.Of(files...)))
		if !sandbox {
			continue
		}
		_, source, _ := strings.Cut(rest, "\n```")
		_, source, _ = strings.Cut(source, "\n")
		source, _, _ = strings.Cut(source, "```")
		judge := func(exit int, prints, source, solution string) {
			data := a.write("data.zip", zips.Of(append(files, zips.File{Name: p.Checker.Path(), Text: source})...))
			a.ctl(exit, prints, "check", "-problem="+path, "-executor="+runner+" -execute", "-solution="+a.write("main.py", []byte(solution)), data)
		}
		judge(0, "the solution is accepted: at most", source, solutions[p.Checker.Kind].right)
		judge(1, solutions[p.Checker.Kind].says, source, solutions[p.Checker.Kind].wrong)
		judge(1, "task 0, case 0: JE the problem's "+map[judging.Kind]string{judging.Program: "checker", judging.Interactor: "interactor"}[p.Checker.Kind]+" does not compile", "{", solutions[p.Checker.Kind].right)
	}
	if len(kinds) != 6 {
		t.Errorf("examples of %v, want one of each kind", kinds)
	}
}
