package execute

import (
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Shim()
	if len(os.Args) > 1 && os.Args[1] == fakeExecutor {
		runFakeExecutor()
	}
	goleak.VerifyTestMain(m)
}

func TestSame(t *testing.T) {
	for name, tc := range map[string]struct {
		want, got string
		equal     bool
	}{
		// As Python's splitlines and rstrip.
		"no-break space at the end":      {"1\n2", "1\u00a0\n2\u3000\u2003", true},
		"no-break space inside":          {"1 2", "1\u00a02", false},
		"every line end":                 {"1\n2\n3\n4\n5\n6\n7\n8\n9\na\nb", "1\v2\f3\x1c4\x1d5\x1e6\u00857\u20288\u20299\ra\r\nb", true},
		"two line ends that are not one": {"1\n2", "1\n\r2", false},
		"unit separator at the end":      {"1", "1\x1f\u1680\u205f\u202f", true},
		"zero-width space is a letter":   {"1", "1\u200b", false},
		"no UTF-8":                       {"1\xa0\n\xc2", "1\xa0\n\xc2", true},
		"no UTF-8 at the end":            {"1", "1\xa0", false},
		"half a character":               {"1\xe2\x80", "1", false},
		"blanks longer than are kept":    {"1" + strings.Repeat(" ", 5000) + "\t2", "1" + strings.Repeat(" ", 5001) + "2", false},
		"the same long blanks":           {"1" + strings.Repeat("\u3000 ", 5000) + "2", "1" + strings.Repeat("\u3000 ", 5000) + "2", true},
		"both empty":                     {"", "", true},
		"identical":                      {"1 2\n3\n", "1 2\n3\n", true},
		"no last newline":                {"1\n", "1", true},
		"trailing blanks of a line":      {"1\n2\n", "1  \t\n2 ", true},
		"carriage returns":               {"1\n2\n", "1\r\n2\r\n", true},
		"trailing blank lines":           {"1\n", "1\n\n \n\t\n", true},
		"blank lines expected":           {"1\n\n\n", "1", true},
		"nothing but blank lines":        {"", "\n \n\n", true},
		"leading blank":                  {"1\n", " 1\n", false},
		"two blanks inside":              {"1 2\n", "1  2\n", false},
		"blank line inside":              {"1\n2\n", "1\n\n2\n", false},
		"leading blank line":             {"1\n", "\n1\n", false},
		"one line missing":               {"1\n2\n", "1\n", false},
		"one line more":                  {"1\n", "1\n2\n", false},
		"case of letters":                {"Yes\n", "yes\n", false},
		"empty answer":                   {"1\n", "", false},
		"long line":                      {strings.Repeat("a", 200_000) + "\n", strings.Repeat("a", 200_000) + "  ", true},
		"long line, other end":           {strings.Repeat("a", 200_000) + "b", strings.Repeat("a", 200_000) + "c", false},
		"blanks as wide as the buffer":   {"1\n2", "1" + strings.Repeat(" ", 70_000) + "\n2", true},
		"blanks of other kinds":          {"1 \t\n2 \r\n", "1\t \n2\t", true},
		"blanks and then more":           {"1" + strings.Repeat(" ", 70_000) + "2", "1" + strings.Repeat(" ", 70_001) + "2", false},
		"a blank more, and the end":      {"1\n2 3", "1\n2  3", false},
		"something after blank lines":    {"1\n", "1\n\n\n" + strings.Repeat(" ", 70_000) + "2", false},
	} {
		t.Run(name, func(t *testing.T) {
			equal, err := same(strings.NewReader(tc.want), strings.NewReader(tc.got))
			if err != nil || equal != tc.equal {
				t.Errorf("got %v, %v; want %v", equal, err, tc.equal)
			}
		})
	}
}

func TestSameTakesLittleMemory(t *testing.T) {
	const size = 64 << 20
	line := func(end string) io.Reader {
		return io.MultiReader(io.LimitReader(endless{}, size), strings.NewReader(end))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	equal, err := same(line("\n"), line("  "))
	differ, errDiffer := same(line("a"), line("b"))
	runtime.ReadMemStats(&after)
	if err != nil || errDiffer != nil || !equal || differ {
		t.Errorf("got %v, %v and %v, %v; want true and false", equal, err, differ, errDiffer)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("lines of %d bytes took %d bytes of memory", size, took)
	}
}

// endless is one line without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestCheckFindsWrongShapes(t *testing.T) {
	tasks := []Task{{CaseCount: 1}, {CaseCount: 2}}
	good := Same(tasks, AC, "")
	if err := Check(tasks, good); err != nil {
		t.Errorf("good cases: %v", err)
	}
	for name, spoil := range map[string]func([][]Case) [][]Case{
		"a task too few":  func(c [][]Case) [][]Case { return c[:1] },
		"a case too many": func(c [][]Case) [][]Case { c[0] = append(c[0], c[0][0]); return c },
		"unknown status":  func(c [][]Case) [][]Case { c[1][1].Status = "OK"; return c },
		"negative time":   func(c [][]Case) [][]Case { c[1][0].ExecTime = -2; return c },
	} {
		t.Run(name, func(t *testing.T) {
			if err := Check(tasks, spoil(Same(tasks, AC, ""))); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestVerdictOrder has a run of which everything is wrong, and then one thing after the
// other is not.
func TestVerdictOrder(t *testing.T) {
	s := Seen{
		ExitCode: 137, Signal: syscall.SIGKILL, CPU: 2 * time.Second, Wall: time.Minute,
		TooMuchOutput: true, TooManyOf: 64, OutOfMemory: true, StoppedByCPU: true, StoppedByWall: true,
	}
	for i, step := range []struct {
		want   string
		mended func()
	}{
		{OLE, func() { s.TooMuchOutput = false }},
		{RE + " more than 64 processes", func() { s.TooManyOf = 0 }},
		{MLE, func() { s.OutOfMemory = false }},
		{TLE + " more than 1000 ms of CPU time", func() { s.StoppedByCPU = false }},
		{TLE + " more than 1000 ms of CPU time", func() { s.CPU = time.Second }},
		{TLE + " not over after", func() { s.StoppedByWall = false }},
		{RE + " signal 9", func() { s.Signal = syscall.SIGSYS }},
		{RE + " a system call", func() { s.Signal = 0 }},
		{RE + " exit code 137", func() { s.ExitCode = 0 }},
		{WA, func() { s.Signal = syscall.SIGXFSZ }},
		{OLE, func() { s.Signal = syscall.SIGXCPU }},
		{TLE + " more than 1000 ms of CPU time", func() {}},
	} {
		status, reason, err := s.Verdict(Task{TimeLimit: 1000}, 1<<20, func() (string, string, error) { return WA, "", nil })
		if got := status + " " + reason; err != nil || !strings.HasPrefix(got, step.want) {
			t.Errorf("step %d: got %s, %v; want %s", i, got, err, step.want)
		}
		step.mended()
	}
}

func TestSameStatusForAllCases(t *testing.T) {
	got := Same([]Task{{CaseCount: 1}, {CaseCount: 2}}, JE, "the zip is corrupt")
	none := Case{ExitCode: -1, Status: JE, ExecTime: -1, MemoryUsage: -1}
	first := none
	first.Stderr = "the zip is corrupt"
	if diff := cmp.Diff([][]Case{{first}, {none, none}}, got); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}
