package main

import (
	"strings"
	"testing"
	"time"
)

func TestAsExpected(t *testing.T) {
	want := submission{Name: "s", Status: "TLE", Score: 40}
	for _, c := range []struct {
		name string
		job  job
		want bool
	}{
		{"same", job{State: "finished", Status: 3, Score: 40}, true},
		{"other status", job{State: "finished", Status: 1, Score: 40}, false},
		{"other score", job{State: "finished", Status: 3, Score: 0}, false},
		{"not finished", job{State: "claimed", Status: 3, Score: 40}, false},
		{"cancelled", job{State: "cancelled", Status: 3, Score: 40}, false},
		{"pending", job{State: "queued", Status: -1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (row{submission: want, job: c.job}).asExpected(); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}

// compared is a run of two submissions: victim's runner r-a was killed.
func compared(victim ...attempt) []row {
	d := dataset{Killed: "victim", Submissions: []submission{
		{Name: "other", Status: "WA", Score: 20},
		{Name: "victim", Status: "AC", Score: 100},
	}}
	return compare(d, map[string]job{
		"r-other":  {State: "finished", Status: 1, Score: 20, RunTime: 12, MemoryUsage: 1400, Attempts: []attempt{{Attempt: 1, Runner: "r-b"}}},
		"r-victim": {State: "finished", Status: 0, Score: 100, RunTime: 80, MemoryUsage: -1, Attempts: victim},
	}, "r", strike{runner: "r-a"})
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name   string
		rows   []row
		change func([]row)
		want   string // part of the error; "": none
	}{
		{"taken over", compared(attempt{1, "r-a", "lost", ""}, attempt{2, "r-b", "completed", ""}), nil, ""},
		{"one attempt", compared(attempt{1, "r-a", "completed", ""}), nil, "not judged again"},
		{"same runner again", compared(attempt{1, "r-a", "lost", ""}, attempt{2, "r-a", "completed", ""}), nil, "not judged again"},
		{"two attempts, but not the killed runner's", compared(attempt{1, "r-b", "lost", ""}, attempt{2, "r-c", "completed", ""}), nil, "not judged again"},
		{"one differs", compared(attempt{1, "r-a", "lost", ""}, attempt{2, "r-b", "completed", ""}), func(r []row) { r[0].job.Score = 40 }, "1 submissions are not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change != nil {
				c.change(c.rows)
			}
			got := ""
			if err := verdict(c.rows, "victim"); err != nil {
				got = err.Error()
			}
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPrintTable(t *testing.T) {
	rows := compared(attempt{1, "r-a", "lost", "lease expired"}, attempt{2, "r-c", "completed", ""})
	var out strings.Builder
	printTable(&out, rows, "r")
	want := [][]string{
		{"submission", "expected", "verdict", "score", "time", "ms", "memory", "KB", "attempts", "runner"},
		{"other", "WA", "20", "WA", "20", "12", "1400", "1", "b"},
		{"victim", "AC", "100", "AC", "100", "80", "-", "2", "c"},
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), out.String())
	}
	for i, line := range lines {
		if got := strings.Join(strings.Fields(line), " "); got != strings.Join(want[i], " ") {
			t.Errorf("got %q, want %q", got, want[i])
		}
	}

	rows[1].job.Status = 6
	out.Reset()
	printTable(&out, rows, "r")
	for _, part := range []string{"<- differs", "victim: attempt 1 by a: lost lease expired"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, out.String())
		}
	}
}

func TestSummary(t *testing.T) {
	rows := compared(attempt{1, "r-a", "lost", ""}, attempt{2, "r-b", "completed", ""})
	got := summary(rows, 31400*time.Millisecond)
	if want := "2 of 2 as expected, 1 job judged twice after its runner was killed, 31.4 s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	rows[0].twice, rows[0].job.Score = true, 0
	got = summary(rows, time.Second)
	if want := "1 of 2 as expected, 2 jobs judged twice after their runner was killed, 1.0 s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStatusName(t *testing.T) {
	for code, want := range map[int]string{-2: "-", -1: "-", 0: "AC", 2: "CE", 6: "JE", 7: "OLE", 8: "8"} {
		if got := statusName(code); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
	}
}
