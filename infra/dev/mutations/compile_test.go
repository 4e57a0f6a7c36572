package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestEveryMutationCompiles checks the types of each changed file with its package: what
// does not compile tells nothing of the tests.
func TestEveryMutationCompiles(t *testing.T) {
	packages := map[string][]mutation{} // by folder
	for _, m := range mutations() {
		dir := "./" + filepath.Dir(m.file)
		packages[dir] = append(packages[dir], m)
	}
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles"}
	for dir := range packages {
		args = append(args, dir)
	}
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", args...)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports, files := map[string]string{}, map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath], files[p.Dir] = p.Export, p.GoFiles
	}
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for dir, all := range packages {
		asts := map[string]*ast.File{}
		for _, name := range files[filepath.Join(root, dir)] {
			if asts[name], err = parser.ParseFile(fset, filepath.Join(root, dir, name), nil, parser.SkipObjectResolution); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range all {
			text, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Fatal(err)
			}
			changed, err := m.apply(string(text))
			if err != nil {
				t.Error(err)
				continue
			}
			f, err := parser.ParseFile(fset, m.file, changed, parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("%s: %v", m.name, err)
				continue
			}
			with := []*ast.File{f}
			for name, other := range asts {
				if name != filepath.Base(m.file) {
					with = append(with, other)
				}
			}
			if _, err := (&types.Config{Importer: imports}).Check(dir, fset, with, nil); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
}
