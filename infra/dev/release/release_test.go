package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"runlease/shared/version"
)

// TestEverythingLinkedHasALicence looks at what the programs link on each
// architecture, and at a module that has none.
func TestEverythingLinkedHasALicence(t *testing.T) {
	t.Chdir("../../..")
	for _, arch := range architectures {
		modules, err := linked(t.Context(), arch)
		if err != nil {
			t.Fatal(err)
		}
		text, err := collect(modules)
		if err != nil {
			t.Error(err)
		}
		for _, m := range modules {
			if !strings.Contains(text, "\n"+m.name+", ") {
				t.Errorf("%s: the text lacks %s", arch, m.name)
			}
		}
	}
	root := t.TempDir()
	bare := module{name: "example.com/bare v1.0.0", root: root, dirs: []string{root}}
	for _, file := range []string{"license.go", "NOTICE"} { // neither gives permission
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := collect([]module{bare}); err == nil || !strings.Contains(err.Error(), bare.name) {
		t.Errorf("a module without a licence: %v", err)
	}
}

// TestRelease builds for this machine, checks the sums and runs what was built.
func TestRelease(t *testing.T) {
	t.Chdir("../../..")
	out := t.TempDir()
	if err := release(t.Context(), out, []string{runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = out
	if said, err := check.CombinedOutput(); err != nil || !strings.Contains(string(said), "LICENSES.txt: OK") {
		t.Errorf("%v\n%s", err, said)
	}
	// What the READMEs install in a copy of the release is in it.
	for _, of := range []string{"local", "bridge"} {
		text, err := os.ReadFile("infra/" + of + "/README.md")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) < 4 || words[0] != "install" {
				continue
			}
			for _, name := range words {
				if _, err := os.Stat(filepath.Join(out, name)); strings.HasPrefix(name, "runlease-") && err != nil && !strings.HasSuffix(name, "-linux-amd64") || name == "runlease-"+of {
					t.Errorf("README of %s: %s is not in a release", of, name)
				}
			}
		}
	}
	for _, p := range programs {
		path := filepath.Join(out, p.name+"-linux-"+runtime.GOARCH)
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if needed, err := file.ImportedLibraries(); err != nil || len(needed) > 0 {
			t.Errorf("%s is not static: needs %q, %v", p.name, needed, err)
		}
		_ = file.Close()
		said, err := exec.CommandContext(t.Context(), path, "-version").Output()
		if err != nil || !strings.HasPrefix(string(said), p.name+" "+version.Version+" ") {
			t.Errorf("%s -version: %q, %v", p.name, said, err)
		}
	}
}
