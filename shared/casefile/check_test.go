package casefile_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"runlease/shared/casefile"
)

// pack makes a zip of files that hold their own names; what a name ends with
// behind a blank says what is odd about the file.
func pack(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		name, odd, _ := strings.Cut(name, " ")
		h := &zip.FileHeader{Name: name, Method: zip.Store, UncompressedSize64: 4, CompressedSize64: 4}
		switch odd {
		case "encrypted":
			h.Flags |= 1
		case "deflate64":
			h.Method = 9
		case "link":
			h.SetMode(0o777 | 1<<27)
		case "large":
			h.Method, h.UncompressedSize64 = zip.Deflate, 64<<20+1
		case "huge":
			h.Method, h.UncompressedSize64 = zip.Deflate, 5<<30
		case "overlaps":
			h.CompressedSize64 = 1 << 20
		}
		f, err := w.CreateRaw(h)
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(f, "1 2\n")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCheck(t *testing.T) {
	two := []int{1, 2} // task 0 has a case, task 1 has two
	good := []string{"0000.in", "0000.out", "0100.in", "0100.out", "0101.in", "0101.out"}
	with := func(name, other string) []string {
		names := append([]string(nil), good...)
		for i := range names {
			if names[i] == name {
				names[i] = other
			}
		}
		return names
	}
	below := func(folder string, names []string) (all []string) {
		for _, name := range names {
			all = append(all, folder+name)
		}
		return all
	}
	for _, c := range []struct {
		name string
		zip  []byte
		want string
	}{
		{"as it should be", pack(t, good...), ""},
		{"with what no case needs", pack(t, append(good, "README", "__MACOSX/._0000.in", "chaos/", "chaos/0000.in", "include/a b.h", "1.in", "x:y")...), ""},
		{"RAR", []byte("Rar!\x1a\x07\x01\x00" + strings.Repeat("x", 100)), "it is a RAR archive, not a zip, whatever its name is: pack the test data as a zip"},
		{"7z", []byte("7z\xbc\xaf\x27\x1c\x00\x04"), "it is a 7z archive, not a zip, whatever its name is: pack the test data as a zip"},
		{"text", []byte("1 2"), "it is not a zip: pack the test data as a zip"},
		{"cut", pack(t, good...)[:200], "it is a zip that is damaged or not whole (zip: not a valid zip file): pack the test data as a zip"},
		{"encrypted", pack(t, with("0100.in", "0100.in encrypted")...), "0100.in: it is encrypted: pack it without a password"},
		{"packed oddly", pack(t, with("0100.in", "0100.in deflate64")...), "0100.in: it is packed by method 9: only stored and deflated files can be unpacked everywhere"},
		{"a link", pack(t, with("0100.in", "0100.in link")...), "0100.in: it is a link, a folder or a device: pack the file itself"},
		{"there twice", pack(t, append(good, "0000.in")...), "0000.in: it is in the zip 2 times"},
		{"missing", pack(t, with("0101.out", "0101.ans")...), "0101.out: missing (task 1, case 1)"},
		{"all missing", pack(t, "a.txt"), "0000.in: missing (task 0, case 0) (and 5 more)"},
		{"in a folder", pack(t, below("sum/", good)...), "sum/: all 6 files of cases are in this folder: they belong at the root of the zip, so pack the folder's content and not the folder"},
		{"one in a folder", pack(t, with("0101.in", "more/0101.in")...), "more/0101.in: it is in a folder: 0101.in at the root of the zip was meant (task 1, case 1)"},
		{"in upper case", pack(t, with("0101.in", "0101.IN")...), "0101.IN: names are in lower case: 0101.in was meant (task 1, case 1)"},
		{"numbered from 01", pack(t, "0101.in", "0101.out", "0201.in", "0201.out", "0202.in", "0202.out"), "0101.in: tasks and cases are numbered from 00, not from 01: 0000.in was meant, and so on for all files"},
		{"cases from 01", pack(t, "0001.in", "0001.out", "0101.in", "0101.out", "0102.in", "0102.out"), "0001.in: cases are numbered from 00, not from 01: 0000.in was meant, and so on for all files"},
		{"a case too many", pack(t, append(good, "0102.in")...), "0102.in: there is no case 2 of task 1: cases are numbered from 00, and caseCount is 2"},
		{"a task too many", pack(t, append(good, "0200.in")...), "0200.in: there is no task 2: tasks are numbered from 00, and 2 are declared"},
		{"output over the limit", pack(t, with("0000.out", "0000.out large")...), "0000.out: the expected output has 67108865 bytes, more than the output limit of 65536 KB: no right answer could be accepted; raise outputLimit"},
		{"input over the limit", pack(t, with("0000.in", "0000.in large")...), ""},
		{"larger than itself", pack(t, with("0000.in", "0000.in overlaps")...), "its files are larger than the zip: it is damaged, or its entries overlap"},
		{"checker", pack(t, append(good, "checker/check.cpp")...), ""},
		{"checker missing", pack(t, append(good, "checker/other.cpp")...), "checker/check.cpp: missing: it is the source of the problem's checker"},
		{"checker elsewhere", pack(t, append(good, "check.cpp")...), "check.cpp: the problem's checker must be called checker/check.cpp"},
		{"checker twice", pack(t, append(good, "checker/check.cpp", "checker/check.cpp")...), "checker/check.cpp: it is in the zip 2 times"},
		{"checker is a link", pack(t, append(good, "checker/check.cpp link")...), "checker/check.cpp: it is a link, a folder or a device: pack the file itself"},
		{"a bomb", pack(t, with("0000.in", "0000.in huge")...), "0000.in: the zip unpacks to more than 268435456 bytes, the most allowed for a zip of 620 bytes; this file is the largest so far"},
		{"too many entries", pack(t, append(good, make([]string, 4000)...)...), "it has 4006 entries, at most 4000 are allowed: pack the test data as a zip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := casefile.Want{Cases: two, OutputLimit: casefile.OutputLimit}
			if strings.HasPrefix(c.name, "checker") {
				want.Checker = "checker/check.cpp"
			}
			found, err := casefile.Check(bytes.NewReader(c.zip), int64(len(c.zip)), want)
			if err != nil || found.String() != c.want {
				t.Errorf("found %q, %v\nwant  %q", found.String(), err, c.want)
			}
		})
	}
}

// far is a reader whose bytes stand behind others that may not be read.
type far struct {
	t      *testing.T
	before int64
	r      *bytes.Reader
	reads  int
}

func (f *far) ReadAt(p []byte, off int64) (int, error) {
	f.reads++
	if off < f.before {
		f.t.Errorf("read %d bytes at %d", len(p), off)
	}
	return f.r.ReadAt(p, off-f.before)
}

// The directory of the largest test data is read at its end, in two reads.
func TestCheckReadsTheDirectoryOnly(t *testing.T) {
	const before = 900 << 20
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.SetOffset(before)
	cases := make([]int, 10)
	for task := range cases {
		cases[task] = 100
		for c := range 100 {
			for _, ending := range []string{casefile.In, casefile.Out} {
				if _, err := w.CreateHeader(&zip.FileHeader{Name: casefile.CaseName(task, c) + ending, Extra: make([]byte, 100)}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := &far{t, before, bytes.NewReader(out.Bytes()), 0}
	found, err := casefile.Check(r, before+int64(out.Len()), casefile.Want{Cases: cases, OutputLimit: 1})
	if err != nil || found.String() != "" || r.reads > 2 {
		t.Errorf("found %q, %v, in %d reads of a directory of %d bytes", found, err, r.reads, out.Len())
	}
}

// What is told is bounded, and what is not told is counted.
func TestFindingsAreBounded(t *testing.T) {
	data := pack(t, "x")
	found, err := casefile.Check(bytes.NewReader(data), int64(len(data)), casefile.Want{Cases: []int{100, 100}, OutputLimit: 1})
	if err != nil || len(found.List) != casefile.MaxFindings || found.More != 350 {
		t.Errorf("%d told, %d more, %v", len(found.List), found.More, err)
	}
}

// An error of the reader is not one of the zip.
func TestReaderFails(t *testing.T) {
	data := pack(t, "0000.in", "0000.out")
	for left := range 2 {
		broken := &failing{left: left, r: bytes.NewReader(data[:len(data)-1])} // has no end, so that its head is looked at
		if found, err := casefile.Check(broken, int64(len(data)-1), casefile.Want{Cases: []int{1}}); !errors.Is(err, errBroken) {
			t.Errorf("after %d reads: found %q, %v", left, found, err)
		}
	}
	// Nor is an announced number of entries believed before it is counted.
	lies := append([]byte(nil), data...)
	copy(lies[len(lies)-12:], "\xff\xfe")
	found, err := casefile.Check(bytes.NewReader(lies), int64(len(lies)), casefile.Want{Cases: []int{1}})
	if want := fmt.Sprintf("it has %d entries", 0xfeff); err != nil || !strings.Contains(found.String(), want) {
		t.Errorf("found %q, %v, want %q", found, err, want)
	}
}

var errBroken = errors.New("broken")

type failing struct {
	left int
	r    io.ReaderAt
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errBroken
	}
	return f.r.ReadAt(p, off)
}
