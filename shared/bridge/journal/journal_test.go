package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.etcd.io/bbolt"
)

// TestFolder: what was written is there for the next process, what a kill has left is
// not, and a folder is of one process and of a known format.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second process: %v", err)
	}
	zip, err := j.Receive("a", strings.NewReader("code"), 4)
	if err != nil || zip.Size != 4 {
		t.Fatalf("%+v, %v", zip, err)
	}
	if _, err := j.Receive("a", strings.NewReader("12345"), 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := j.Receive("a", iotest.ErrReader(errors.New("gone")), 4); !ReadFailed(err) {
		t.Errorf("a reader that fails: %v", err)
	}
	put(t, j, Submission{ID: "a", Round: 1, State: Handed, File: zip.Name, Job: "a-2"})
	if err := errors.Join(j.PutProblem(Problem{ID: 7, Checksum: "x", Tasks: 2}), j.PutCursor("c")); err != nil {
		t.Fatal(err)
	}
	left, err := j.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(left.Close(), j.Close(), os.WriteFile(filepath.Join(dir, codeFolder, "b.1.part"), nil, 0o600), os.WriteFile(filepath.Join(dir, codeFolder, "b.2"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}

	j = open(t, dir)
	s, found, err := j.Submission("a")
	if err != nil || !found || s.JobID() != "a-2" || s.State != Handed {
		t.Errorf("read again: %+v, %v, %v", s, found, err)
	}
	f, err := j.Open(s.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil || text.String() != "code" {
		t.Errorf("the code is %q, %v", text.String(), err)
	}
	p, err := j.Problem(7)
	cursor, also := j.Cursor()
	if err != nil || also != nil || p != (Problem{ID: 7, Checksum: "x", Tasks: 2}) || cursor != "c" {
		t.Errorf("%+v, %v; %q, %v", p, err, cursor, also)
	}
	for folder, want := range map[string]int{codeFolder: 1, testdataFolder: 0} {
		if files, err := os.ReadDir(filepath.Join(dir, folder)); err != nil || len(files) != want {
			t.Errorf("%s has %d files, want %d: %v", folder, len(files), want, err)
		}
	}
	if err := j.bolt.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(formatKey, []byte{0, 0, 0, 0, 0, 0, 0, 9})
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "format 9") || !strings.Contains(err.Error(), "run the newer version") {
		t.Errorf("a newer format: %v", err)
	}
}

// TestForget: only what has been done for a while is forgotten.
func TestForget(t *testing.T) {
	j := open(t, t.TempDir())
	defer j.Close()
	now := time.Now()
	put(t, j, Submission{ID: "old", State: Done, ChangedAt: now.Add(-2 * time.Hour)})
	put(t, j, Submission{ID: "new", State: Done, ChangedAt: now})
	put(t, j, Submission{ID: "open", State: Judged, ChangedAt: now.Add(-2 * time.Hour)})
	if err := j.Forget(now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := j.Each(func(s Submission) { left = append(left, s.ID) }); err != nil || strings.Join(left, " ") != "new open" {
		t.Errorf("left are %q, %v", left, err)
	}
}

func open(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func put(t *testing.T, j *Journal, s Submission) {
	t.Helper()
	if _, _, err := j.Update(s.ID, func(current *Submission) bool { *current = s; return true }); err != nil {
		t.Fatal(err)
	}
}
