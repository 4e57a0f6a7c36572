package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's binary stand before the compiler, as the program does.
func TestMain(m *testing.M) {
	if dir := os.Getenv(reuseIn); dir != "" {
		os.Exit(compile(dir, os.Args[1], os.Args[2:]))
	}
	os.Exit(m.Run())
}

// module is a small one with a guard and a test of it.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n\ngo 1.26\n",
		"half.go": `package m

func Half(n int) int {
	if n < 0 {
		return 0
	}
	return n / 2
}
`,
		"half_test.go": `package m

import "testing"

func TestHalf(t *testing.T) {
	t.Run("of four", func(t *testing.T) {
		if Half(4) != 2 {
			t.Error("not two")
		}
	})
}

func TestNothingNegative(t *testing.T) {
	t.Run("of minus four", func(t *testing.T) {
		if Half(-4) < 0 {
			t.Error("negative")
		}
	})
}

func TestBroken(t *testing.T) {
	t.Error("always")
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLab(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reuse := t.TempDir() // one for all: nothing that was changed comes out of it
	all := []command{{pkg: ".", tests: "^TestHalf$"}, {pkg: ".", tests: "^TestNothing"}}
	m := func(name, from, to string, tests ...command) mutation {
		return mutation{name: name, keeps: "E", file: "half.go", edits: []edit{{from, to}}, tests: tests}
	}
	each := func(m mutation) mutation { m.each = true; return m }
	caught := m("caught", "if n < 0 {", "if false {", all...)
	for _, c := range []struct {
		name string
		make []mutation
		code int
		want []string // in the table or the error
	}{
		{"caught by the second command", []mutation{caught}, 0, []string{"caught by . TestNothingNegative/of_minus_four", "mutations 1 caught 1 survived 0"}},
		{"caught by each", []mutation{each(m("both", "if n < 0 {", "if n != -4 {", all...))}, 0, []string{"caught by . TestHalf/of_four, . TestNothingNegative/of_minus_four"}},
		{"not caught by each", []mutation{each(caught)}, 1, []string{"SURVIVED . -run ^TestHalf$; . -run ^TestNothing"}},
		{"survived", []mutation{caught, m("survivor", "if n < 0 {", "if n < -4 {", all[0])}, 1, []string{"SURVIVED . -run ^TestHalf$", "mutations 2 caught 1 survived 1"}},
		{"does not compile", []mutation{m("nonsense", "n / 2", "n / two", all...)}, 2, []string{"NO ANSWER", "it does not compile", "mutations 1 caught 0 survived 0"}},
		{"breaks down outside of a test", []mutation{m("exit", "return n / 2", "panic(n)\n}\n\nfunc init() {\n\tpanic(1)", all...)}, 2, []string{"no test failed, but the run did"}},
		{"text is gone", []mutation{m("rotten", "if n < 7 {", "", all...)}, 2, []string{"this text is 0 times in half.go"}},
		{"text is there twice", []mutation{m("vague", "return", "", all...)}, 2, []string{"this text is 2 times in half.go"}},
		{"a command that fails on any code", []mutation{m("unjust", "if n < 0 {", "if false {", command{pkg: ".", tests: "^TestBroken$"})}, 2, []string{"without a mutation", "TestBroken fails"}},
		{"a command without a test", []mutation{m("idle", "if n < 0 {", "if false {", command{pkg: ".", tests: "^TestGone$"})}, 2, []string{"there is no such test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := module(t)
			before, err := os.ReadFile(filepath.Join(dir, "half.go"))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			code, err := lab{root: dir, limit: 10 * time.Minute, parallel: 2, self: self, reuse: reuse}.examine(t.Context(), c.make, &out)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if code != c.code {
				t.Errorf("code %d, want %d:\n%s", code, c.code, said)
			}
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			after, err := os.ReadFile(filepath.Join(dir, "half.go"))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed; error %v", err)
			}
		})
	}
}

// TestReuse: a package whose import has changed inside alone is not compiled again, one
// that sees another constant is.
func TestReuse(t *testing.T) {
	dir, reuse := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module m\n\ngo 1.26\n")
	// The folder is in the sources: what an earlier run compiled is not taken from go's cache.
	write("a/a.go", "// "+dir+"\n\npackage a\n\nconst N = 1\n\n//go:noinline\nfunc F() int { return 1 }\n")
	write("b/b_test.go", "// "+dir+"\n\npackage b\n\nimport (\n\t\"testing\"\n\n\t\"m/a\"\n)\n\nfunc TestB(t *testing.T) {\n\tif a.F() != 1 || a.N != 1 {\n\t\tt.Error(a.F(), a.N)\n\t}\n}\n")
	l := lab{root: dir, limit: 10 * time.Minute, parallel: 1, self: self, reuse: reuse}
	kept := func() int {
		files, err := os.ReadDir(reuse)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	try := func(from, to, want string) {
		t.Helper()
		m := mutation{name: "m", keeps: "E", file: "a/a.go", edits: []edit{{from, to}}, tests: []command{{pkg: "./b", tests: "."}}}
		if f := l.try(t.Context(), m); f.err != nil || f.by != want {
			t.Errorf("%q, error %v, want %q", f.by, f.err, want)
		}
	}
	try("return 1 ", "return 9 ", "./b TestB")
	before := kept()
	try("return 1 ", "return 8 ", "./b TestB")
	if n := kept(); before == 0 || n != before {
		t.Errorf("%d are kept, then %d", before, n)
	}
	try("return 1 ", "return +1", "")
	try("N = 1", "N = 2", "./b TestB")
}

func TestTestThatHangs(t *testing.T) {
	out := `{"Action":"run","Test":"TestLoop"}
{"Action":"output","Test":"TestLoop","Output":"panic: test timed out after 1m40s\n"}
{"Action":"fail","Test":"TestLoop"}
{"Action":"fail"}
`
	if r, err := readReport([]byte(out), "", false); err == nil || !strings.Contains(err.Error(), "hangs") {
		t.Errorf("got %+v, error %v", r, err)
	}
}
