package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
	all := []command{{pkg: ".", tests: "^TestHalf$"}, {pkg: ".", tests: "^TestNothing"}}
	m := func(name, from, to string, tests ...command) mutation {
		return mutation{name: name, keeps: "E", file: "half.go", edits: []edit{{from, to}}, tests: tests}
	}
	caught := m("caught", "if n < 0 {", "if false {", all...)
	for _, c := range []struct {
		name string
		make []mutation
		code int
		want []string // in the table or the error
	}{
		{"caught by the second command", []mutation{caught}, 0, []string{"caught by . TestNothingNegative/of_minus_four", "mutations 1 caught 1 survived 0"}},
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
			code, err := lab{root: dir, limit: 2 * time.Minute, parallel: 2}.examine(t.Context(), c.make, &out)
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
