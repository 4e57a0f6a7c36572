package execute

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMuchOutputGoesToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outputs.zip")
	in := Input{Tasks: []Task{{CaseCount: 3}, {CaseCount: 40}}, OutputsFile: path}
	run := func(_ Task, name string) (Case, error) {
		return Case{Status: AC, Stdout: name + strings.Repeat("x", 40<<10), Stderr: "e" + name}, nil
	}
	cases, err := in.EachCase(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range cases {
		for _, c := range task {
			if c.Stdout != "" || c.Stderr != "" || c.Status != AC {
				t.Fatalf("left in the case: %d bytes", len(c.Stdout)+len(c.Stderr))
			}
		}
	}
	packed, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	if len(packed.File) != 2*43 {
		t.Errorf("%d files in the zip, want two for each case", len(packed.File))
	}
	file, err := packed.Open("0139.stderr")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(file); err != nil || string(text) != "e0139" {
		t.Errorf("got %q, %v", text, err)
	}
	in.Tasks = in.Tasks[:1]
	in.OutputsFile += ".little"
	if cases, err = in.EachCase(run); err != nil || !strings.HasPrefix(cases[0][2].Stdout, "0002x") {
		t.Errorf("little output: %v", err)
	}
	if _, err := os.Stat(in.OutputsFile); !os.IsNotExist(err) {
		t.Errorf("a file for little output: %v", err)
	}
}
