// Package shared_test holds the layers of the project as a test.
package shared_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// may lists, for each package of the product, the other packages of the project
// that it may import, tests apart. Imports point downwards: an adapter knows
// dispatch's ports and one service, never another adapter.
var may = map[string][]string{
	"shared/job":     {"shared/ident", "shared/judge"},
	"shared/judge":   {"shared/jsoncursor"},
	"shared/problem": {"shared/job", "shared/judge", "shared/judging", "shared/casefile"},
	"shared/auth":    {"shared/ident"},
	"shared/version": {},

	"shared/ident":      {},
	"shared/trace":      {},
	"shared/jsoncursor": {},

	// What server and runner agree on.
	"shared/zipdir":     {},
	"shared/judging":    {"shared/language"},
	"shared/language":   {"shared/zipdir"},
	"shared/casefile":   {"shared/zipdir"},
	"shared/deployment": {},
	"shared/doorbell":   {},

	"shared/roster":   {"shared/job"},
	"shared/rejudge":  {"shared/job", "shared/roster"},
	"shared/dispatch": {"shared/rejudge", "shared/deployment", "shared/roster", "shared/doorbell", "shared/job", "shared/judge", "shared/problem", "shared/auth", "shared/language", "shared/casefile", "shared/zipdir"},

	"shared/announce": {"shared/job", "shared/version"},
	"shared/memory":   {"shared/rejudge", "shared/roster", "shared/announce", "shared/doorbell", "shared/dispatch", "shared/job", "shared/problem", "shared/auth"},
	// Not beside memory but on top of it: its queue and its URLs, with what they hold kept.
	"shared/durable":            {"shared/rejudge", "shared/roster", "shared/announce", "shared/memory", "shared/deployment", "shared/dispatch", "shared/job", "shared/judge", "shared/judging", "shared/problem", "shared/auth"},
	"shared/durable/control":    {"shared/announce", "shared/durable", "shared/auth"},
	"shared/dynamo":             {"shared/rejudge", "shared/roster", "shared/announce", "shared/doorbell", "shared/awsclient", "shared/dispatch", "shared/job", "shared/judge", "shared/judging", "shared/problem", "shared/auth"},
	"shared/sqsoutbox":          {"shared/announce", "shared/awsclient"},
	"shared/sqsqueue":           {"shared/awsclient", "shared/dispatch", "shared/job"},
	"shared/s3artifact":         {"shared/awsclient", "shared/dispatch", "shared/job"},
	"shared/s3artifact/presign": {"shared/dispatch", "shared/job"},
	"shared/connections":        {},
	"shared/cloudwatch":         {"shared/deployment", "shared/dispatch"},
	"shared/awsclient":          {},

	"shared/api":      {"shared/ident", "shared/trace", "shared/deployment", "shared/rejudge", "shared/roster", "shared/doorbell", "shared/language", "shared/dispatch", "shared/job", "shared/judge", "shared/judging", "shared/problem", "shared/auth", "shared/jsoncursor", "shared/version"},
	"shared/apigw":    {"shared/api", "shared/jsoncursor"},
	"shared/console":  {"shared/api"},
	"shared/function": {"shared/job", "shared/announce", "shared/connections", "shared/doorbell", "shared/api", "shared/apigw", "shared/auth", "shared/awsclient", "shared/deployment", "shared/dispatch"},
	"shared/bill":     {"shared/roster", "shared/deployment", "shared/dispatch", "shared/job"},

	"shared/runner":          {"shared/trace", "shared/language", "shared/casefile", "shared/ident", "shared/judging", "shared/runner/cache", "shared/runner/execute", "shared/runner/integers", "shared/runner/outputs", "shared/runner/spool", "shared/runner/unpack", "shared/runner/workdir", "shared/version"},
	"shared/runner/cache":    {"shared/runner/workdir"},
	"shared/runner/execute":  {"shared/runner/toolchain", "shared/judging", "shared/casefile", "shared/language", "shared/runner/integers", "shared/runner/workdir"},
	"shared/runner/guard":    {},
	"shared/runner/spot":     {},
	"shared/runner/integers": {},
	"shared/runner/outputs":  {"shared/runner/execute"},
	"shared/runner/cgroup":   {},
	"shared/runner/seccomp":  {},
	"shared/runner/sandbox":  {"shared/runner/toolchain", "shared/judging", "shared/casefile", "shared/runner/cgroup", "shared/runner/execute", "shared/runner/seccomp", "shared/runner/workdir"},
	"shared/runner/workdir":  {},
	"shared/runner/spool":    {"shared/runner/execute", "shared/runner/workdir"},
	"shared/runner/unpack":   {"shared/casefile", "shared/language", "shared/runner/execute", "shared/zipdir"},

	"shared/runner/toolchain": {"shared/language"},

	"shared/flagenv":  {},
	"shared/producer": {"shared/trace", "shared/casefile"},

	"shared/bridge":         {"shared/trace", "shared/bridge/backend", "shared/bridge/journal", "shared/producer", "shared/casefile", "shared/ident", "shared/judge", "shared/language", "shared/zipdir"},
	"shared/bridge/backend": {"shared/producer"},
	"shared/bridge/journal": {},

	"infra":        {"shared/ident", "shared/job", "infra/grants", "shared/api", "shared/deployment", "shared/dispatch", "shared/dynamo", "shared/version"},
	"infra/grants": {"shared/deployment"},
	"infra/local":  {"shared/ident", "shared/announce", "shared/console", "shared/doorbell", "shared/api", "shared/auth", "shared/deployment", "shared/dispatch", "shared/durable", "shared/durable/control", "shared/job", "shared/memory", "shared/version"},
	"infra/bridge": {"shared/bridge", "shared/bridge/backend", "shared/bridge/journal", "shared/flagenv", "shared/producer", "shared/version"},
	"infra/runner": {"shared/runner/spot", "shared/language", "shared/flagenv", "shared/ident", "shared/casefile", "shared/runner", "shared/runner/cache", "shared/runner/execute", "shared/runner/guard", "shared/runner/sandbox", "shared/runner/spool", "shared/runner/toolchain", "shared/runner/workdir", "shared/version"},
	"infra/ctl":    {"shared/announce", "shared/sqsqueue", "shared/sqsoutbox", "shared/producer", "shared/casefile", "shared/judge", "shared/judging", "shared/language", "shared/problem", "shared/runner/execute", "shared/runner/unpack", "shared/api", "shared/auth", "shared/bill", "shared/dispatch", "shared/durable", "shared/durable/control", "shared/dynamo", "shared/job", "shared/version"},
}

// function lists what the Lambda functions may import: they only wire.
var function = []string{
	"shared/announce", "shared/api", "shared/apigw", "shared/cloudwatch", "shared/console", "shared/dispatch", "shared/dynamo", "shared/function", "shared/sqsoutbox", "shared/s3artifact", "shared/s3artifact/presign", "shared/sqsqueue",
}

// futureStandard is part of it from Go 1.27 on, as encoding/json/v2 and jsontext.
const futureStandard = "github.com/go-json-experiment/json"

// pure packages import the standard library and what is listed above, nothing else.
var pure = []string{"shared/job", "shared/judge", "shared/problem", "shared/dispatch", "shared/zipdir", "shared/judging", "shared/language", "shared/casefile", "shared/doorbell", "shared/roster", "shared/rejudge"}

// tooling reports whether only developers use the package: the suites and
// instruments of the tests, and the programs below infra/dev. It may import
// anything, and no product package imports it.
func tooling(pkg string) bool {
	return strings.HasPrefix(pkg, "shared/testkit/") || strings.HasPrefix(pkg, "infra/dev/")
}

func TestImportsPointDownwards(t *testing.T) {
	files := sources(t)
	for pkg := range may {
		if len(files[pkg]) == 0 {
			t.Errorf("%s is gone: take it out of this table", pkg)
		}
	}
	for pkg, list := range files {
		allowed, known := may[pkg]
		if path.Dir(pkg) == "functions" {
			allowed, known = function, true
		}
		if tooling(pkg) {
			continue
		}
		if !known {
			t.Errorf("%s is in no layer: add it to this table, with what it may import", pkg)
			continue
		}
		for _, file := range list {
			for _, imported := range imports(t, file) {
				own, isOwn := strings.CutPrefix(imported, "runlease/")
				switch {
				case isOwn && !slices.Contains(allowed, own):
					t.Errorf("%s imports %s", file, imported)
				case !isOwn && slices.Contains(pure, pkg) && strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, futureStandard):
					t.Errorf("%s imports %s; %s uses the standard library only", file, imported, pkg)
				}
			}
		}
	}
}

// TestEveryPackageSaysWhatItIs looks for a doc comment on every package, in
// doc.go or in the file of the package's name; a program's is in main.go.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for pkg, list := range sources(t) {
		documented := false
		for _, file := range list {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc == nil {
				continue
			}
			documented = true
			if name := filepath.Base(file); !slices.Contains([]string{"doc.go", "main.go", parsed.Name.Name + ".go"}, name) {
				t.Errorf("%s has the package comment: it belongs into doc.go or %s.go", file, parsed.Name.Name)
			}
		}
		if !documented {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

// sources returns the Go files of every package that has files beside tests, by
// the package's folder.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (slices.Contains([]string{"build", "node_modules", "testdata", "cdk.out"}, name) || strings.HasPrefix(name, ".") && name != "..") {
			return filepath.SkipDir
		}
		if pkg := filepath.ToSlash(filepath.Dir(file)); strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			pkg = strings.TrimPrefix(pkg, "../")
			found[pkg] = append(found[pkg], file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no package was found")
	}
	return found
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
