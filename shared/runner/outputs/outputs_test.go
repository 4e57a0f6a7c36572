package outputs

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/runner/execute"
)

var cases = [][]execute.Case{
	{{ExitCode: 0, Status: execute.AC, Stdout: "5\n", ExecTime: 3, MemoryUsage: 900}},
	{{ExitCode: 1, Status: execute.RE, Stderr: "oops", ExecTime: 4, MemoryUsage: 901}, {ExitCode: -1, Status: execute.TLE, ExecTime: -1, MemoryUsage: -1}},
}

func TestZip(t *testing.T) {
	packed, err := Zip(cases)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Zip(cases)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(packed, again) {
		t.Error("two runs give different bytes")
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range r.File {
		f, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		got[file.Name] = string(text)
	}
	want := map[string]string{
		"0000.stdout": "5\n", "0000.stderr": "",
		"0100.stdout": "", "0100.stderr": "oops",
		"0101.stdout": "", "0101.stderr": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWithout(t *testing.T) {
	want := [][]execute.Case{
		{{ExitCode: 0, Status: execute.AC, ExecTime: 3, MemoryUsage: 900}},
		{{ExitCode: 1, Status: execute.RE, ExecTime: 4, MemoryUsage: 901}, {ExitCode: -1, Status: execute.TLE, ExecTime: -1, MemoryUsage: -1}},
	}
	if diff := cmp.Diff(want, Without(cases)); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if cases[0][0].Stdout == "" {
		t.Error("the given cases were changed")
	}
}
