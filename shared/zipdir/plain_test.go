package zipdir

import (
	"archive/zip"
	"bytes"
	"slices"
	"testing"
)

const mostInTest = 10 // entries

// FuzzPlain: what is taken for a plain zip is what archive/zip reads of it, and the zips
// that it writes are plain. The seeds have each byte changed once.
func FuzzPlain(f *testing.F) {
	for _, names := range [][]string{nil, {"main.py"}, {"a/", "a/main.c", "b.h"}, slices.Repeat([]string{"f"}, mostInTest+1)} {
		var text bytes.Buffer
		w := zip.NewWriter(&text)
		for _, name := range names {
			if e, err := w.Create(name); err == nil && name[len(name)-1] != '/' {
				_, _ = e.Write([]byte("text of " + name))
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		if got, ok := plain(text.Bytes(), len(names)); !ok || len(got) != len(names) {
			f.Fatalf("%q: read %d, plain %v", names, len(got), ok)
		}
		for at := range text.Bytes() {
			other := bytes.Clone(text.Bytes())
			other[at]++
			f.Add(other)
		}
		if at := bytes.Index(text.Bytes(), []byte(headerMark)); at >= 0 {
			large := bytes.Clone(text.Bytes())
			copy(large[at+20:], "\xff\xff\xff\xff")
			f.Add(large)
		}
		f.Add(append([]byte("x"), text.Bytes()...))
		f.Add(append(text.Bytes(), 'x'))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := plain(text, mostInTest)
		if !ok {
			return
		}
		want, err := Read(bytes.NewReader(text), int64(len(text)), mostInTest)
		if err != nil || len(got) != len(want) {
			t.Fatalf("read %d, want %d: %v", len(got), len(want), err)
		}
		for i, g := range got {
			w := want[i]
			if g.Name != w.Name || g.Method != w.Method || g.Flags != w.Flags || g.Mode() != w.Mode() || g.CompressedSize64 != w.CompressedSize64 || g.UncompressedSize64 != w.UncompressedSize64 {
				t.Errorf("%+v, want %+v", g.FileHeader, w.FileHeader)
			}
		}
	})
}
