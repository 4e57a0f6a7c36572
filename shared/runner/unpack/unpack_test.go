package unpack

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/runner/execute"
)

type entry struct {
	name, text string
	mode       fs.FileMode
}

func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		header.SetMode(e.mode | 0o644)
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCode(t *testing.T) {
	dir := t.TempDir()
	z := pack(t, entry{name: "main.py", text: "print(1)"}, entry{name: "lib/", mode: fs.ModeDir}, entry{name: "lib/a.py", text: "x"})
	if err := Code(t.Context(), bytes.NewReader(z), int64(len(z)), dir, execute.Python, CodeLimits); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"main.py": "print(1)", "lib/a.py": "x"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestFaults(t *testing.T) {
	small := Limits{Entries: 12, Bytes: 10_000, Ratio: 10, FreeBytes: 2_000}
	good := entry{name: "main.c", text: "int main(){}"}
	random := make([]byte, 20_000) // does not compress
	for i, x := 0, uint32(1); i < len(random); i++ {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	damaged := pack(t, entry{name: "main.c", text: string(random[:1000])})
	damaged[300] ^= 1
	var many []entry
	for i := range 700 {
		many = append(many, entry{name: fmt.Sprintf("%0200d", i)})
	}
	encrypted := pack(t, good)
	for _, at := range []int{6, bytes.Index(encrypted, []byte("PK\x01\x02")) + 8} {
		encrypted[at] |= 1
	}
	// The sizes that the zip announces are a lie: one byte of many.
	liar := pack(t, entry{name: "main.c", text: strings.Repeat("a", 100_000)})
	binary.LittleEndian.PutUint32(liar[bytes.Index(liar, []byte("PK\x01\x02"))+24:], 1)

	for name, tc := range map[string]struct {
		zip  []byte
		want string
	}{
		"empty file":             {nil, "not a zip file"},
		"no zip":                 {[]byte("hello, world"), "not a zip file"},
		"cut off":                {pack(t, good)[:40], "not a zip file"},
		"damaged":                {damaged, "damaged"},
		"no source file":         {pack(t, entry{name: "main.cpp"}), "no file main.c at its root"},
		"source file in folder":  {pack(t, entry{name: "src/main.c"}), "no file main.c at its root"},
		"source is a folder":     {pack(t, entry{name: "main.c/", mode: fs.ModeDir}), "no file main.c at its root"},
		"too many entries":       {pack(t, many[:13]...), "13 entries, at most 12"},
		"far too many entries":   {pack(t, many...), "more than 12 entries"},
		"too large":              {pack(t, entry{name: "main.c", text: string(random)}), "more than 10000 bytes"},
		"bomb":                   {pack(t, entry{name: "main.c", text: strings.Repeat("a", 9_000)}), "more than 2000 bytes"},
		"bomb in parts":          {pack(t, good, entry{name: "a", text: strings.Repeat("a", 4_500)}, entry{name: "b", text: strings.Repeat("a", 4_500)}), "more than"},
		"bomb that lies":         {liar, "damaged"},
		"symbolic link":          {pack(t, entry{name: "main.c", text: "/etc/passwd", mode: fs.ModeSymlink}), "is a link"},
		"overlap":                {overlapping(t), "entries overlap"},
		"folders without number": {pack(t, folders(9)...), "more than 1000 folders"},
		"twice":                  {pack(t, good, good), "there twice"},
		"encrypted":              {encrypted, "encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "source")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			err := Code(t.Context(), bytes.NewReader(tc.zip), int64(len(tc.zip)), dir, execute.C, small)
			if _, ok := errors.AsType[*Fault](err); !ok || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "code zip: ") {
				t.Errorf("got %v, want a fault with %q", err, tc.want)
			}
			if beside, _ := os.ReadDir(parent); len(beside) != 1 {
				t.Errorf("written outside: %v", beside)
			}
			var bytes int64
			_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if info.Mode().IsRegular() {
					bytes += info.Size()
				}
				return err
			})
			if bytes > small.Bytes+1 {
				t.Errorf("%d bytes on disk", bytes)
			}
		})
	}
}

// folders are as many as n names can make.
func folders(n int) []entry {
	var all []entry
	for i := range n {
		all = append(all, entry{name: strings.Repeat(string(rune('a'+i))+"/", 127) + "x"})
	}
	return all
}

// overlapping has an entry whose bytes are another's as well, so that they cost
// twice what they weigh.
func overlapping(t *testing.T) []byte {
	z := pack(t, entry{name: "main.c", text: "int main(){}"})
	at := bytes.Index(z, []byte("PK\x01\x02"))
	end := bytes.Index(z, []byte("PK\x05\x06"))
	central := bytes.Clone(z[at:end])
	copy(central[46:], "main.d")
	doubled := append(append(bytes.Clone(z[:end]), bytes.Repeat(central, 2)...), z[end:]...)
	tail := doubled[len(doubled)-len(z[end:]):]
	binary.LittleEndian.PutUint16(tail[8:], 3)
	binary.LittleEndian.PutUint16(tail[10:], 3)
	binary.LittleEndian.PutUint32(tail[12:], uint32(3*len(central)))
	// So large that two are more than the zip.
	for i := range 3 {
		binary.LittleEndian.PutUint32(doubled[at+i*len(central)+20:], uint32(len(doubled)/2))
	}
	return doubled
}

// TestOthersArePassedOver: what is wrong with an entry that no job needs.
func TestOthersArePassedOver(t *testing.T) {
	damaged := pack(t, entry{name: "main.c", text: "int main(){}"}, entry{name: "x", text: strings.Repeat("damaged", 9)})
	damaged[bytes.Index(damaged, []byte("PK\x03\x04"))+bytes.LastIndex(damaged[:bytes.Index(damaged, []byte("PK\x01\x02"))], []byte("PK\x07\x08"))-3] ^= 1
	good := entry{name: "main.c", text: "int main(){}"}
	for name, z := range map[string][]byte{
		"outside":             pack(t, entry{name: "../evil"}, good),
		"outside by a detour": pack(t, good, entry{name: "a/../../evil"}),
		"absolute":            pack(t, good, entry{name: "/tmp/evil"}),
		"backslashes":         pack(t, good, entry{name: `..\evil`}),
		"Shift-JIS":           pack(t, good, entry{name: "\x95\\\x8e\xa6.txt"}),
		"long name":           pack(t, good, entry{name: strings.Repeat("n", 260)}),
		"link":                pack(t, good, entry{name: "x", text: "/etc/passwd", mode: fs.ModeSymlink}),
		"device":              pack(t, good, entry{name: "tty", mode: fs.ModeDevice}),
		"below a file":        pack(t, entry{name: "main.c/x"}, good),
		"damaged":             damaged,
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "source")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := Code(t.Context(), bytes.NewReader(z), int64(len(z)), dir, execute.C, CodeLimits); err != nil {
				t.Fatal(err)
			}
			inside, _ := os.ReadDir(dir)
			beside, _ := os.ReadDir(parent)
			if len(beside) != 1 || len(inside) != 1 || inside[0].Name() != "main.c" {
				t.Errorf("unpacked: %v, beside it: %v", inside, beside)
			}
		})
	}
}

func TestUnpackingHeedsItsContext(t *testing.T) {
	z := pack(t, entry{name: "main.c", text: strings.Repeat("a", 1000)})
	lost := errors.New("lease lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := Code(ctx, stopping{bytes.NewReader(z), cancel, lost}, int64(len(z)), t.TempDir(), execute.C, CodeLimits); !errors.Is(err, lost) {
		t.Errorf("got %v, want the cause of the stop", err)
	}
}

// stopping is read from once.
type stopping struct {
	r     *bytes.Reader
	stop  context.CancelCauseFunc
	cause error
}

func (s stopping) ReadAt(p []byte, off int64) (int, error) {
	s.stop(s.cause)
	return s.r.ReadAt(p, off)
}

func TestFullDiskIsNotTheZipsFault(t *testing.T) {
	z := pack(t, entry{name: "main.c", text: "x"})
	err := Code(t.Context(), bytes.NewReader(z), int64(len(z)), filepath.Join(t.TempDir(), "not", "made", "\x00"), execute.C, CodeLimits)
	if _, ok := errors.AsType[*Fault](err); ok || err == nil {
		t.Errorf("got %v, want an error that is no fault", err)
	}
	err = Code(t.Context(), brokenDisk{}, 1000, t.TempDir(), execute.C, CodeLimits)
	if _, ok := errors.AsType[*Fault](err); ok || err == nil {
		t.Errorf("got %v, want an error that is no fault", err)
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errors.New("input/output error") }

func TestTestData(t *testing.T) {
	tasks := []execute.Task{{CaseCount: 1}, {CaseCount: 2}}
	var entries []entry
	for _, name := range []string{"0000", "0100", "0101"} {
		entries = append(entries, entry{name: name + ".in"}, entry{name: name + ".out"})
	}
	z := pack(t, append(entries, entry{name: "notes/readme.txt"})...)
	if err := TestData(t.Context(), bytes.NewReader(z), int64(len(z)), t.TempDir(), tasks, "", TestDataLimits); err != nil {
		t.Error(err)
	}
	z = pack(t, entries[:len(entries)-1]...)
	err := TestData(t.Context(), bytes.NewReader(z), int64(len(z)), t.TempDir(), tasks, "", TestDataLimits)
	if _, ok := errors.AsType[*Fault](err); !ok || !strings.Contains(err.Error(), "no file 0101.out at its root (task 1, case 1)") {
		t.Errorf("got %v", err)
	}
	z = pack(t, entries...)
	err = TestData(t.Context(), bytes.NewReader(z), int64(len(z)), t.TempDir(), tasks, "checker/check.c", TestDataLimits)
	if _, ok := errors.AsType[*Fault](err); !ok || !strings.Contains(err.Error(), "no file checker/check.c, the source of the problem's checker") {
		t.Errorf("got %v", err)
	}
}

// slow is a zip of which nothing behind a moment can be read before it is let go.
type slow struct {
	*bytes.Reader
	from  int64
	letGo chan struct{}
}

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.from && off < s.Size()-5000 {
		<-s.letGo
	}
	return s.Reader.ReadAt(p, off)
}

// TestACaseIsThereBeforeTheNext: a case can run while the rest is unpacked, and
// what is beside the cases is there when all is.
func TestACaseIsThereBeforeTheNext(t *testing.T) {
	random := make([]byte, 100_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	z := pack(t, entry{name: "0000.in"}, entry{name: "0000.out"}, entry{name: "0001.in", text: string(random)}, entry{name: "0001.out"}, entry{name: "chaos/a.h"})
	s := slow{bytes.NewReader(z), 10_000, make(chan struct{})}
	dir := t.TempDir()
	u := Begin(t.Context(), s, int64(len(z)), dir, []execute.Task{{CaseCount: 2}}, "", TestDataLimits)
	defer u.Stop()
	if err := u.Await("0000"); err != nil {
		t.Fatal(err)
	}
	if u.there["0001.in"] || u.there[""] {
		t.Error("the rest is said to be there")
	}
	close(s.letGo)
	for _, name := range []string{"0001", ""} {
		if err := u.Await(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "chaos", "a.h")); err != nil {
		t.Error(err)
	}
}

func TestWhatWaitsHearsOfAFault(t *testing.T) {
	z := pack(t, entry{name: "0000.in"}, entry{name: "0000.out"})
	u := Begin(t.Context(), bytes.NewReader(z), int64(len(z)), t.TempDir(), []execute.Task{{CaseCount: 2}}, "", TestDataLimits)
	defer u.Stop()
	if _, ok := errors.AsType[*Fault](u.Await("0001")); !ok {
		t.Error("no fault for a case that is not in the zip")
	}
}
