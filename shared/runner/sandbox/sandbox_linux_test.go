package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runlease/shared/runner/execute"
)

// newSandbox makes a sandbox. Where the kernel has none, its tests fail: it must
// not be taken for tested.
func newSandbox(t *testing.T, cfg Config) *Sandbox {
	t.Helper()
	cfg.Dir = t.TempDir()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if missing := s.Missing(); len(missing) > 0 {
		t.Fatalf("these tests need %v to be installed", missing)
	}
	return s
}

// input writes a submission and the cases of one task, each an input and the
// expected output.
func input(t *testing.T, language int, source string, task execute.Task, cases ...[2]string) execute.Input {
	t.Helper()
	in := execute.Input{Language: language, SourceDir: t.TempDir(), TestDataDir: t.TempDir()}
	name, _ := execute.SourceName(language)
	writeFile(t, filepath.Join(in.SourceDir, name), source)
	for i, c := range cases {
		writeFile(t, filepath.Join(in.TestDataDir, execute.CaseName(0, i)+".in"), c[0])
		writeFile(t, filepath.Join(in.TestDataDir, execute.CaseName(0, i)+".out"), c[1])
	}
	task.CaseCount = len(cases)
	in.Tasks = []execute.Task{task}
	return in
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var ordinary = execute.Task{MemoryLimit: 64 << 10, TimeLimit: 1000}

const sumC = "#include <stdio.h>\nint main(){int a,b;if(scanf(\"%d%d\",&a,&b)!=2)return 9;printf(\"%d \\n\\n\",a+b);}"

func TestStatuses(t *testing.T) {
	s := newSandbox(t, Config{OutputLimit: 1 << 20, KeptOutput: 1000})
	for name, tc := range map[string]struct {
		language int
		source   string
		status   string
		exitCode int
		stderr   string // part of it
	}{
		"C":               {execute.C, sumC, execute.AC, 0, ""},
		"C++":             {execute.Cpp, "#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b;}", execute.AC, 0, ""},
		"Python":          {execute.Python, "print(sum(map(int, input().split())))", execute.AC, 0, ""},
		"no answer":       {execute.C, "int main(){}", execute.WA, 0, ""},
		"does not parse":  {execute.Python, "print(1", execute.CE, -1, "never closed"},
		"spins":           {execute.C, "int main(){volatile int i=0;for(;;)i++;}", execute.TLE, 137, ""},
		"touches memory":  {execute.C, "#include <stdlib.h>\n#include <string.h>\nint main(){for(;;){char*p=malloc(1<<20);memset(p,1,1<<20);}}", execute.MLE, 137, ""},
		"null pointer":    {execute.C, "int main(){volatile int *p = 0; return *p;}", execute.RE, 139, ""},
		"endless output":  {execute.C, "#include <stdio.h>\nint main(){for(;;)puts(\"0123456789\");}", execute.OLE, 137, ""},
		"no such source":  {execute.C, "", execute.CE, -1, ""},
		"without a main.": {execute.Cpp, "int a;", execute.CE, -1, "main"},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			got, err := s.Run(t.Context(), input(t, tc.language, tc.source, ordinary, [2]string{"2 3\n", "5\n"}))
			if err != nil {
				t.Fatal(err)
			}
			c := got[0][0]
			if c.Status != tc.status || c.ExitCode != tc.exitCode && tc.status != execute.OLE || !strings.Contains(c.Stderr, tc.stderr) {
				t.Errorf("got %+v; want %s, exit code %d, stderr with %q", c, tc.status, tc.exitCode, tc.stderr)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if left, _ := os.ReadDir(s.cfg.Dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
