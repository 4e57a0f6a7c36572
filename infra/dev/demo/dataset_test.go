package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func mustLoad(t *testing.T) dataset {
	t.Helper()
	d, err := loadDataset()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestProblems(t *testing.T) {
	d := mustLoad(t)
	if len(d.Problems) < 4 {
		t.Errorf("%d problems, want at least 4", len(d.Problems))
	}
	for _, p := range d.Problems {
		fields, err := p.described()
		if err != nil {
			t.Fatal(err)
		}
		var tasks []struct{ TaskScore, CaseCount, MemoryLimit, TimeLimit int }
		if err := json.Unmarshal(fields["tasks"], &tasks); err != nil {
			t.Fatal(err)
		}
		if len(tasks) < 2 {
			t.Errorf("%s: %d tasks, want several", p.Name, len(tasks))
		}
		score := 0
		want := map[string]bool{"problem.json": true}
		if strings.Contains(string(fields["checker"]), "protocol") {
			want["checker"] = true
		}
		for i, task := range tasks {
			score += task.TaskScore
			if task.CaseCount < 1 || task.MemoryLimit < 64*1024 || task.TimeLimit < 300 || task.TimeLimit > 1000 {
				t.Errorf("%s: task %d is %+v", p.Name, i, task)
			}
			for c := range task.CaseCount {
				want[fmt.Sprintf("%02d%02d.in", i, c)] = true
				want[fmt.Sprintf("%02d%02d.out", i, c)] = true
			}
		}
		if score != 100 {
			t.Errorf("%s: scores sum to %d, want 100", p.Name, score)
		}
		entries, err := fs.ReadDir(embedded, "data/problems/"+p.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !want[entry.Name()] {
				t.Errorf("%s: %s belongs to no case", p.Name, entry.Name())
			}
			delete(want, entry.Name())
		}
		for name := range want {
			t.Errorf("%s: %s is missing", p.Name, name)
		}
	}
}

func TestSubmissionsCoverEverything(t *testing.T) {
	d := mustLoad(t)
	if len(d.Submissions) < 30 {
		t.Errorf("%d submissions, want at least 30", len(d.Submissions))
	}
	covered := map[string]bool{}
	files := map[string]bool{}
	for _, s := range d.Submissions {
		if _, err := s.code(); err != nil {
			t.Error(err)
		}
		files[s.Name+"."+languages[s.Language].ending] = true
		covered[s.Status], covered[s.Language] = true, true
		if s.Score > 0 && s.Score < 100 {
			covered["partial score"] = true
		}
		if (s.Status == "AC") != (s.Score == 100) {
			t.Errorf("%s: %s with a score of %d", s.Name, s.Status, s.Score)
		}
		if s.Upload {
			covered["upload"] = true
		}
	}
	for _, what := range []string{"AC", "WA", "CE", "TLE", "MLE", "RE", "OLE", "partial score", "c", "cpp", "python", "java", "javascript", "upload"} {
		if !covered[what] {
			t.Errorf("no submission has %s", what)
		}
	}
	entries, err := fs.ReadDir(embedded, "data/submissions")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !files[entry.Name()] {
			t.Errorf("%s is not in submissions.json", entry.Name())
		}
	}
}

// Where there is no sandbox, two problems are left out, and nothing else.
func TestWithoutPrograms(t *testing.T) {
	d := mustLoad(t)
	less, left := d.withoutPrograms()
	if left != 6 || len(less.Problems) != len(d.Problems)-2 || less.check() != nil {
		t.Errorf("%d submissions left out, %d problems stay, %v", left, len(less.Problems), less.check())
	}
}

func TestDataStaysSmall(t *testing.T) {
	size := int64(0)
	err := fs.WalkDir(embedded, "data", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > 400<<10 {
		t.Errorf("the data has %d bytes, want at most 400 KB", size)
	}
}

func TestCheckRefusesWhatDoesNotExist(t *testing.T) {
	good := submission{Name: "a", Problem: "p", Language: "c", Status: "AC"}
	for name, change := range map[string]func(*dataset){
		"unknown problem":  func(d *dataset) { d.Submissions[0].Problem = "q" },
		"unknown language": func(d *dataset) { d.Submissions[0].Language = "cobol" },
		"unknown status":   func(d *dataset) { d.Submissions[0].Status = "OK" },
		"declared twice":   func(d *dataset) { d.Submissions = append(d.Submissions, good) },
		"nobody killed":    func(d *dataset) { d.Killed = "b" },
	} {
		t.Run(name, func(t *testing.T) {
			d := dataset{Problems: []problem{{1, "p"}}, Killed: "a", Submissions: []submission{good}}
			if err := d.check(); err != nil {
				t.Fatal(err)
			}
			change(&d)
			if d.check() == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestZipsAreDeterministic(t *testing.T) {
	d := mustLoad(t)
	first, err := d.Problems[0].testdata()
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.Problems[0].testdata()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same test data gave two different zips")
	}
	z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0000.in", "0000.out"} {
		if _, err := z.Open(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := z.Open("problem.json"); err == nil {
		t.Error("problem.json is in the test data")
	}
}
