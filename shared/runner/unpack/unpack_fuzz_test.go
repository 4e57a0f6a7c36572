package unpack

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/runner/execute"
)

// FuzzCode unpacks whatever may come as a zip. It ends in the directory, within
// the limits, as files and directories only; and what is wrong is the zip's
// fault.
func FuzzCode(f *testing.F) {
	seed := func(entries ...entry) {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for _, e := range entries {
			header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
			header.SetMode(e.mode | 0o644)
			to, err := w.CreateHeader(header)
			if err != nil {
				f.Fatal(err)
			}
			to.Write([]byte(e.text))
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
		f.Add(out.Bytes()[:out.Len()/2])
	}
	good := entry{name: "main.c", text: "int main(){}"}
	seed(good)
	seed(good, entry{name: "a/", mode: fs.ModeDir}, entry{name: "a/b", text: "x"})
	seed(good, entry{name: "../evil", text: "x"})
	seed(good, entry{name: "/evil"}, entry{name: `..\evil`})
	seed(entry{name: "main.c", text: "/etc/passwd", mode: fs.ModeSymlink}, entry{name: "main.c/x"})
	seed(entry{name: "main.c", text: strings.Repeat("a", 5000)})
	seed(good, good)
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\xff", 18)))
	limits := Limits{Entries: 5, Bytes: 4000, Ratio: 10, FreeBytes: 2000}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Not t.TempDir: it makes a name of the input's.
		parent, err := os.MkdirTemp("", "unpack")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(parent)
		dir := filepath.Join(parent, "source")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		err = Code(t.Context(), bytes.NewReader(b), int64(len(b)), dir, execute.C, limits)
		if fault, ok := errors.AsType[*Fault](err); err != nil && (!ok || fault.Why == "" || len(fault.Why) > 1000) {
			t.Errorf("not a fault of the zip: %v", err)
		}
		if beside, _ := os.ReadDir(parent); len(beside) != 1 {
			t.Errorf("written outside: %v", beside)
		}
		var size int64
		files := 0
		walked := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			switch mode := info.Mode(); {
			case mode.IsRegular():
				files++
				size += info.Size()
				if mode.Perm()&0o111 != 0 {
					t.Errorf("%s can be executed", path)
				}
			case !mode.IsDir():
				t.Errorf("%s is a %s", path, mode)
			}
			return nil
		})
		if walked != nil {
			t.Error(walked)
		}
		if files > limits.Entries || size > limits.Bytes+1 {
			t.Errorf("%d files of %d bytes", files, size)
		}
		if info, statErr := os.Lstat(filepath.Join(dir, "main.c")); err == nil && (statErr != nil || !info.Mode().IsRegular()) {
			t.Error("granted, and there is no source file")
		}
	})
}
