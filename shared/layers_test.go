// Package shared_test holds the layers of the project as a test.
package shared_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// may says which packages of the project each package may import, tests apart.
// Imports point downwards; an adapter knows dispatch's ports and its own
// service, never another adapter.
var may = map[string][]string{
	"shared/job":     {},
	"shared/judge":   {},
	"shared/problem": {"shared/job", "shared/judge"},
	"shared/auth":    {},
	"shared/version": {},

	// What server and runner agree on.
	"shared/zipdir":     {},
	"shared/language":   {"shared/zipdir"},
	"shared/testdata":   {"shared/zipdir"},
	"shared/deployment": {},

	"shared/dispatch": {"shared/job", "shared/judge", "shared/problem", "shared/auth"},

	"shared/memory":     {"shared/dispatch", "shared/job", "shared/problem", "shared/auth"},
	"shared/dynamo":     {"shared/awsclient", "shared/dispatch", "shared/job", "shared/judge", "shared/problem", "shared/auth"},
	"shared/sqsqueue":   {"shared/awsclient", "shared/dispatch", "shared/job"},
	"shared/s3artifact": {"shared/awsclient", "shared/dispatch", "shared/job"},
	"shared/awsclient":  {},

	"shared/s3artifact/presign": {"shared/dispatch", "shared/job"},
	"shared/function":           {"shared/api", "shared/apigw", "shared/auth", "shared/awsclient", "shared/deployment", "shared/dispatch"},

	"shared/api":   {"shared/dispatch", "shared/job", "shared/judge", "shared/problem", "shared/auth", "shared/version"},
	"shared/apigw": {"shared/api"},
}

// futureStandard is part of it from Go 1.27 on, as encoding/json/v2 and jsontext.
const futureStandard = "github.com/go-json-experiment/json"

// pure packages import the standard library and what is listed above, nothing else.
var pure = map[string]bool{"shared/job": true, "shared/judge": true, "shared/problem": true, "shared/dispatch": true, "shared/zipdir": true, "shared/language": true, "shared/testdata": true}

func TestImportsPointDownwards(t *testing.T) {
	checked := 0
	for pkg, allowed := range may {
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Errorf("%s is gone: take it out of this table", pkg)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			checked++
			for _, path := range imports(t, file) {
				own, isOwn := strings.CutPrefix(path, "runlease/")
				switch {
				case isOwn && !contains(allowed, own):
					t.Errorf("%s imports %s", file, path)
				case !isOwn && pure[pkg] && strings.Contains(strings.Split(path, "/")[0], ".") && !strings.HasPrefix(path, futureStandard):
					t.Errorf("%s imports %s; %s uses the standard library only", file, path, pkg)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no file was checked")
	}
}

// TestEveryPackageSaysWhatItIs looks for a doc comment on every package.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "build" || name == "node_modules" || name == "testdata" || name == "cdk.out" || strings.HasPrefix(name, ".") && name != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || file.Doc != nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(documented) == 0 {
		t.Error("no package was found")
	}
	for dir, is := range documented {
		if !is {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range parsed.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
