// Package functions_test looks at the functions as programs: what they link,
// and that the same source makes the same bytes.
package functions_test

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
)

// talksToS3 are the functions that call S3 themselves. All others with a grant
// on the bucket only sign URLs, and do not pay for the client at their start.
var talksToS3 = []string{"get-code", "complete-job", "get-outputs", "create-job", "publish-problem", "submit-job", "sync", "delete-job"}

func run(t *testing.T, dir string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// TestAFunctionLinksTheClientsThatItUses compares what is linked with what is
// granted: a client too many is start-up time, and code that nothing needs.
func TestAFunctionLinksTheClientsThatItUses(t *testing.T) {
	list := run(t, ".", "go", "list", "-tags", "lambda.norpc", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")
	linked := map[string][]string{}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if name, isFunction := strings.CutPrefix(fields[0], "runlease/functions/"); isFunction {
			linked[name] = fields[1:]
		}
	}
	for name, granted := range grants.All() {
		deps, built := linked[name]
		if !built {
			t.Errorf("no function %s", name)
			continue
		}
		var got, want []string
		for _, dep := range deps {
			service, isService := strings.CutPrefix(dep, "github.com/aws/aws-sdk-go-v2/service/")
			switch {
			// The expression builder brings the types of streams with it.
			case isService && !strings.Contains(service, "/"):
				got = append(got, service)
			case dep == "github.com/aws/aws-sdk-go-v2/config", strings.HasPrefix(dep, "github.com/aws/aws-sdk-go-v2/credentials"):
				t.Errorf("%s links %s: the environment is all the configuration there is", name, dep)
			case strings.HasPrefix(dep, "runlease/infra"), dep == "testing", dep == "runlease/shared/memory", dep == "net/rpc":
				t.Errorf("%s links %s", name, dep)
			}
		}
		for _, g := range granted {
			service, _, _ := strings.Cut(g.Actions[0], ":")
			if service == "execute-api" { // posts are signed with the bare signer
				continue
			}
			if !slices.Contains(want, service) && (service != "s3" || slices.Contains(talksToS3, name)) {
				want = append(want, service)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: clients of AWS services (-granted +linked):\n%s", name, diff)
		}
	}
}

// reproduced are one small function and one with two clients. The script
// reproducible.sh does the same for all, without a build cache.
var reproduced = []string{"not-found", "heartbeat"}

// TestTheSameSourceMakesTheSameBytes builds in two folders of different names.
func TestTheSameSourceMakesTheSameBytes(t *testing.T) {
	var sums [2]map[string][32]byte
	for i, folder := range []string{"here", "some/where/else"} {
		checkout := filepath.Join(t.TempDir(), folder)
		copySource(t, "..", checkout)
		out := filepath.Join(t.TempDir(), "out")
		sums[i] = map[string][32]byte{}
		for _, name := range reproduced {
			path := filepath.Join(out, name)
			// As the Makefile builds; the other architecture of the two is cross-compiled the same way.
			run(t, checkout, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", path, "./functions/"+name)
			binary, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(binary, []byte(checkout)) {
				t.Errorf("%s knows the folder that it was built in", name)
			}
			sums[i][name] = sha256.Sum256(binary)
			if i == 0 {
				stripped(t, path)
				t.Logf("%s: %.2f MB", name, float64(len(binary))/1e6)
			}
		}
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Error(diff)
	}
}

// stripped checks that a binary has no symbols and needs no library.
func stripped(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil || f.Section(".zdebug_info") != nil {
		t.Errorf("%s is not stripped", filepath.Base(path))
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("%s needs %v", filepath.Base(path), libraries)
	}
}

// copySource copies what a function is made of.
func copySource(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum", "functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(from, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(from, path)
			if err != nil || d.IsDir() {
				return err
			}
			if extension := filepath.Ext(path); strings.HasSuffix(path, "_test.go") || extension != ".go" && extension != ".yaml" && extension != ".mod" && extension != ".sum" {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			target := filepath.Join(to, relative)
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				return err
			}
			return os.WriteFile(target, text, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
