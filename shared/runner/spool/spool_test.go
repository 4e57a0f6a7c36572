package spool

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/runner/execute"
)

func result(id string, attempt int, age time.Duration) Result {
	return Result{
		JobID: id, Attempt: attempt, Token: "t", Since: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Add(-age),
		Tasks: execute.Same([]execute.Task{{CaseCount: 2}}, execute.JE, "why"),
	}
}

func open(t *testing.T, dir string) *Spool {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func list(t *testing.T, s *Spool) []Result {
	t.Helper()
	got, err := s.List(nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestResultsSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir)
	a, b, b2 := result("a", 1, time.Minute), result("b", 1, 2*time.Minute), result("b", 2, 0)
	for _, r := range []Result{a, b, b2} {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]Result{b, a, b2}, list(t, open(t, dir))); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	got, err := s.List(func(key string) bool { return key == "b.1" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Result{a, b2}, got); diff != "" {
		t.Errorf("but one (-want +got):\n%s", diff)
	}
	for range 2 { // the second time there is nothing to remove
		if err := s.Remove(b); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]Result{a, b2}, list(t, open(t, dir))); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestOnlyTheOwnerReadsTokens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir)
	r := result("a", 1, 0)
	if err := s.Put(r); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, s.path(r): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	good := result("good", 1, 0)
	if err := s.Put(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"bad.1.json": `{"jobId":`, "other.1.json": `{"jobId":"x","attempt":1}`, "1.partial": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	got, err := s.List(nil)
	if err == nil {
		t.Error("no error about the damaged files")
	}
	if diff := cmp.Diff([]Result{good}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Result{good}, list(t, s)); diff != "" {
		t.Errorf("second time (-want +got):\n%s", diff)
	}
	for _, name := range []string{"bad.1.unreadable", "other.1.unreadable"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestPutMakesTheSpoolAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(result("a", 1, 0)); err != nil {
		t.Errorf("what has vanished: %v", err)
	}
	if err := s.Put(result("a", 1, 0)); err != nil || len(list(t, s)) != 1 {
		t.Errorf("got %v and %d results, want one", err, len(list(t, s)))
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.Put(result("a", 1, 0)) == nil {
		t.Error("no error where a file stands in the way")
	}
}
