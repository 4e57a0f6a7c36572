package dispatch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runlease/shared/judge"
)

// What was zipped comes back, whatever the texts, the checksums and sizes of
// every file included.
func TestZipOfOutputs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOf(rapid.OneOf(
			rapid.StringN(0, 40, -1),
			rapid.Map(rapid.IntRange(compressFrom-1, 5000), func(n int) string { return strings.Repeat("line\n", n)[:n] }),
		)).Draw(t, "texts")
		want := map[string]string{}
		task := make([]judge.Case, len(texts))
		for k, text := range texts {
			task[k].Stdout = text
			want[fmt.Sprintf("00%02d.stdout", k)], want[fmt.Sprintf("00%02d.stderr", k)] = text, ""
		}
		packed, err := zipOutputs([][]judge.Case{task})
		if err != nil {
			t.Fatal(err)
		}
		in, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range in.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got[f.Name] = string(text)
			if long := len(text) >= compressFrom; long != (f.Method == zip.Deflate) {
				t.Fatalf("%d bytes by method %d", len(text), f.Method)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(in.File) != 2*len(texts) {
			t.Fatalf("-want +got\n%s", diff)
		}
	})
}
