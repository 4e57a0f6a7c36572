package judge_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runlease/shared/judge"
)

var tasks = []judge.Task{{Score: 40, Cases: 2}, {Score: 60, Cases: 1}}

func cases(statuses ...judge.Status) [][]judge.Case {
	one := func(s judge.Status, i int64) judge.Case {
		return judge.Case{Status: s, ExecTime: 10 * i, MemoryUsage: 100 * i}
	}
	return [][]judge.Case{{one(statuses[0], 1), one(statuses[1], 3)}, {one(statuses[2], 2)}}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name          string
		cases         [][]judge.Case
		status        judge.Status
		score         int
		taskScores    []int
		time1, memory int64
	}{
		{"all accepted", cases(judge.AC, judge.AC, judge.AC), judge.AC, 100, []int{40, 60}, 30, 300},
		{"one case of the first task wrong", cases(judge.AC, judge.WA, judge.AC), judge.WA, 60, []int{0, 60}, 30, 300},
		{"the highest status counts", cases(judge.WA, judge.OLE, judge.JE), judge.OLE, 0, []int{0, 0}, 30, 300},
		{"compile error everywhere", cases(judge.CE, judge.CE, judge.CE), judge.CE, 0, []int{0, 0}, 30, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := judge.Judge(tasks, c.cases)
			if err != nil {
				t.Fatal(err)
			}
			if v.Status != c.status || v.Score != c.score || v.ExecTime != c.time1 || v.MemoryUsage != c.memory {
				t.Errorf("got %+v", v)
			}
			for i, want := range c.taskScores {
				if v.Tasks[i].Score != want {
					t.Errorf("task %d scores %d, want %d", i, v.Tasks[i].Score, want)
				}
			}
		})
	}
}

func TestJudgeUnknownFigures(t *testing.T) {
	v, err := judge.Judge([]judge.Task{{Score: 100, Cases: 1}}, [][]judge.Case{{{ExecTime: -1, MemoryUsage: -1}}})
	if err != nil || v.ExecTime != -1 || v.MemoryUsage != -1 {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestParseNamesTheFirstFault(t *testing.T) {
	good := `{"exitCode":0,"status":"AC","stdout":"a","stderr":"","execTime":1,"memoryUsage":-1}`
	with := func(from, to string) string {
		changed := strings.Replace(good, from, to, 1)
		if changed == good {
			t.Fatalf("%s is not in the case", from)
		}
		return "[[" + good + "],[" + good + "," + changed + "]]"
	}
	for _, c := range []struct{ name, tasks, want string }{
		{"no list", `{}`, "tasks: want a list of tasks"},
		{"null", `null`, "tasks: want a list of tasks"},
		{"nothing", ``, "tasks: want a list of tasks"},
		{"too few tasks", `[[]]`, "tasks: want 2 tasks, got 1"},
		{"too many tasks", `[[],[],0]`, "tasks: want 2 tasks, got 3"},
		{"too few cases", `[[],[]]`, "tasks[0]: want 1 cases, got 0"},
		{"too many cases", `[[0,0],[]]`, "tasks[0]: want 1 cases, got 2"},
		{"task is no list", `[5,[]]`, "tasks[0]: want a list of cases"},
		{"task is null", `[null,[]]`, "tasks[0]: want a list of cases"},
		{"case is no object", `[["x"],[]]`, "tasks[0][0]: want an object"},
		{"case is null", `[[null],[]]`, "tasks[0][0]: want an object"},
		{"missing", with(`"exitCode":0,`, ``), "tasks[1][1].exitCode: missing"},
		{"null field", with(`"stdout":"a"`, `"stdout":null`), "tasks[1][1].stdout: missing"},
		{"text for a number", with(`"execTime":1`, `"execTime":"1"`), "tasks[1][1].execTime: want an integer, got string"},
		{"fraction", with(`"execTime":1`, `"execTime":1.5`), "tasks[1][1].execTime: want an integer, got number 1.5"},
		{"an integer that floats cannot tell from others", with(`"execTime":1`, `"execTime":9007199254740994.0`), "tasks[1][1].execTime: want an integer, got number 9007199254740994.0"},
		{"a number beyond floats", with(`"execTime":1`, `"execTime":1e400`), "tasks[1][1].execTime: want an integer, got number 1e400"},
		{"number for a text", with(`"stderr":""`, `"stderr":0`), "tasks[1][1].stderr: want a string, got number"},
		{"unknown status", with(`"AC"`, `"OK"`), `tasks[1][1].status: unknown status "OK"`},
		{"empty status", with(`"AC"`, `""`), `tasks[1][1].status: unknown status ""`},
		{"two statuses, the last one unknown", with(`"status":"AC"`, `"status":"AC","status":"ZZ"`), `tasks[1][1].status: unknown status "ZZ"`},
		{"two faults", with(`"execTime":1,"memoryUsage":-1`, `"execTime":true,"memoryUsage":[]`), "tasks[1][1].execTime: want an integer, got bool"},
		{"another case of a name", with(`"exitCode"`, `"exitcode"`), "tasks[1][1].exitCode: missing"},
		{"a number that is long", with(`"execTime":1`, `"execTime":`+strings.Repeat("9", 500)), "tasks[1][1].execTime: want an integer, got number " + strings.Repeat("9", 40)},
		{"a task too many behind good ones", "[[" + good + "],[" + good + "," + good + "],[" + good + "]]", "tasks: want 2 tasks, got 3"},
		{"a case too many behind good ones", "[[" + good + "],[" + good + "," + good + "," + good + "]]", "tasks[1]: want 2 cases, got 3"},
		{"a fault, and a task too many", `[[0],[0,0],[]]`, "tasks: want 2 tasks, got 3"},
		{"a fault, and a case too few", `[[0],[]]`, "tasks[0][0]: want an object"},
		{"something behind it", `[[],[]] 0`, "tasks: want a list of tasks"},
		{"its end missing", `[[0],[0,0]`, "tasks: want a list of tasks"},
		{"no JSON within", `[[{"exitCode":}],[0,0]]`, "tasks: want a list of tasks"},
		{"lower case status", with(`"AC"`, `"ac"`), `tasks[1][1].status: unknown status "ac"`},
		{"negative time", with(`"execTime":1`, `"execTime":-2`), "tasks[1][1].execTime: want milliseconds, or -1 for unknown"},
		{"negative memory", with(`"memoryUsage":-1`, `"memoryUsage":-2`), "tasks[1][1].memoryUsage: want KB, or -1 for unknown"},
		{"a reason that is too long", with(`"memoryUsage":-1`, `"memoryUsage":-1,"reason":"`+strings.Repeat("é", 201)+`"`), "tasks[1][1].reason: want at most 200 characters"},
		{"a reason that is no text", with(`"memoryUsage":-1`, `"memoryUsage":-1,"reason":5`), "tasks[1][1].reason: want a string, got number"},
		{"exit code out of range", with(`"exitCode":0`, `"exitCode":4294967296`), "tasks[1][1].exitCode: out of range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := judge.Parse([]judge.Task{{Cases: 1}, {Cases: 2}}, []byte(c.tasks))
			var fault *judge.Fault
			if !errors.As(err, &fault) || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A body of the greatest size that is all brackets must cost little.
func TestParseIsCheapForShapesThatDoNotMatch(t *testing.T) {
	for _, element := range []string{"[]", "0"} {
		body := []byte("[" + strings.Repeat(element+",", 900_000) + element + "]")
		if per := testing.AllocsPerRun(1, func() {
			if _, err := judge.Parse(tasks, body); err == nil {
				t.Error("it has the shape")
			}
		}); per > 100 {
			t.Errorf("%s: %.0f allocations", element, per)
		}
	}
}

func TestShapeMustMatch(t *testing.T) {
	for _, c := range []struct {
		name  string
		cases [][]judge.Case
		want  string
	}{
		{"too few tasks", cases(0, 0, 0)[:1], "tasks: want 2 tasks, got 1"},
		{"too many tasks", append(cases(0, 0, 0), nil), "tasks: want 2 tasks, got 3"},
		{"too few cases", [][]judge.Case{{{}}, {{}}}, "tasks[0]: want 2 cases, got 1"},
		{"too many cases", [][]judge.Case{{{}, {}}, {{}, {}}}, "tasks[1]: want 1 cases, got 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := judge.Judge(tasks, c.cases); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestRecordKeepsAllButOutputs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tasks []judge.Task
		var cases [][]judge.Case
		for range rapid.IntRange(1, 4).Draw(t, "tasks") {
			n := rapid.IntRange(1, 5).Draw(t, "cases")
			tasks = append(tasks, judge.Task{Score: rapid.IntRange(0, 100).Draw(t, "score"), Cases: n})
			task := make([]judge.Case, n)
			for i := range task {
				task[i] = judge.Case{
					ExitCode:    rapid.IntRange(-1, 255).Draw(t, "exit"),
					Status:      judge.Status(rapid.IntRange(0, 7).Draw(t, "status")),
					ExecTime:    rapid.Int64Range(-1, 1<<31).Draw(t, "time"),
					MemoryUsage: rapid.Int64Range(-1, 1<<40).Draw(t, "memory"),
					Reason:      rapid.SampledFrom([]string{"", "exit code 3", "signal 9", "more than \"\u2028\" "}).Draw(t, "reason"),
				}
			}
			cases = append(cases, task)
		}
		v, err := judge.Judge(tasks, cases)
		if err != nil {
			t.Fatal(err)
		}
		got, err := judge.ReadRecord(v.Record())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v.Tasks, got); diff != "" {
			t.Error(diff)
		}
	})
}

// An ordinary verdict must leave room in a write unit of 1 KB.
func TestRecordIsSmall(t *testing.T) {
	cases := [][]judge.Case{make([]judge.Case, 10)}
	for i := range cases[0] {
		cases[0][i] = judge.Case{ExecTime: 1234, MemoryUsage: 123456}
	}
	v, err := judge.Judge([]judge.Task{{Score: 100, Cases: 10}}, cases)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(v.Record()); n > 220 {
		t.Errorf("ten cases take %d bytes", n)
	}
	for i := range cases[0] { // no two alike
		cases[0][i].Reason = strings.Repeat(string(rune('a'+i)), judge.MaxReason)
	}
	few := len(v.Record())
	for range 12 {
		cases = append(cases, cases[0])
		v.Tasks = append(v.Tasks, v.Tasks[0])
	}
	if n := len(v.Record()); n > 12_000 || n < few+2000 {
		t.Errorf("ten reasons take %d bytes, and thirteen times %d", few, n)
	}
}

// What an existing client may send: lone surrogates, escaped names, names of its
// own, integers written as floats, the exit codes of Windows.
func TestParseTakesWhatClientsSend(t *testing.T) {
	cases, err := judge.Parse([]judge.Task{{Cases: 1}}, []byte(` [ [ {"exit\u0043ode":-1,"status":"WA","extra":{"a":[1,{}]},"stdout":"a\ud800b\n\u00e9","stderr":"`+"\xff"+`",
		"execTime":-1,"execTime":2147483647,"memoryUsage":3} ] ] `))
	want := [][]judge.Case{{{ExitCode: -1, Status: judge.WA, Stdout: "a\ufffdb\n\u00e9", Stderr: "\ufffd", ExecTime: 2147483647, MemoryUsage: 3}}}
	if diff := cmp.Diff(want, cases); diff != "" || err != nil {
		t.Errorf("error %v, -want +got\n%s", err, diff)
	}
	cases, err = judge.Parse([]judge.Task{{Cases: 1}}, []byte(`[[{"exitCode":3221225477,"status":"RE","stdout":"","stderr":"","execTime":12.0,"memoryUsage":-1e0}]]`))
	want = [][]judge.Case{{{ExitCode: 3221225477, Status: judge.RE, ExecTime: 12, MemoryUsage: -1}}}
	if diff := cmp.Diff(want, cases); diff != "" || err != nil {
		t.Errorf("error %v, -want +got\n%s", err, diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[[{"exitCode":0,"status":"AC","stdout":"a","stderr":"","execTime":1,"memoryUsage":-1}]]`))
	f.Add([]byte(`[[null]]`))
	f.Add([]byte(`[[{"status":"JE"}]]`))
	f.Add([]byte(`[[[[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		cases, err := judge.Parse([]judge.Task{{Cases: 1}}, b)
		if err != nil {
			var fault *judge.Fault
			if !errors.As(err, &fault) || !strings.HasPrefix(fault.Path, "tasks") {
				t.Errorf("a fault without a path: %v", err)
			}
			return
		}
		if !json.Valid(b) {
			t.Error("parsed what is no JSON")
		}
		for _, task := range cases {
			for _, c := range task {
				if c.ExecTime < -1 || c.MemoryUsage < -1 || c.Status.String() == "" {
					t.Errorf("parsed %+v", c)
				}
			}
		}
	})
}
