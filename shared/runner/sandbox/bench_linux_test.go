package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
)

// BenchmarkCase is a hello in a job of many cases; a compiled program, a box.
func BenchmarkCase(b *testing.B) {
	s, in := benchmarkInput(b)
	l, err := s.spoken(in.Language)
	if err != nil {
		b.Fatal(err)
	}
	core, seat, err := s.takeCore()
	if err != nil {
		b.Fatal(err)
	}
	defer seat.give()
	box, err := s.takeBox(s.kind(l), core)
	if err != nil {
		b.Fatal(err)
	}
	defer box.close()
	if err := execute.CopySources(in, box.sources()); err != nil {
		b.Fatal(err)
	}
	prog, err := s.compile(b.Context(), box, l, in)
	if err != nil || prog.reject != "" {
		b.Fatal(err, prog.reject)
	}
	defer prog.close()
	var took []float64
	for b.Loop() {
		begin := time.Now()
		got, err := s.runCase(b.Context(), box, prog, nil, in, ordinary, "0000")
		if err != nil || got.Status != execute.AC {
			b.Fatal(got, err)
		}
		took = append(took, time.Since(begin).Seconds()*1000)
	}
	slices.Sort(took)
	b.ReportMetric(took[0], "ms-min")
	b.ReportMetric(took[len(took)/2], "ms-p50")
}

// BenchmarkReferees is what a case takes with a checker that is a program, and
// with an interactor: a hello of the interactor, or 10,000 rounds.
func BenchmarkReferees(b *testing.B) {
	const checker = "#include <stdio.h>\nint main(int c,char**v){int n,m;FILE*o=fopen(v[2],\"r\"),*a=fopen(v[3],\"r\");return fscanf(o,\"%d\",&n)!=1||fscanf(a,\"%d\",&m)!=1||n!=m;}"
	const talker = "#include <stdio.h>\nint main(int c,char**v){int n,x;FILE*f=fopen(v[1],\"r\");fscanf(f,\"%d\",&n);while(n--){puts(\"1 2\");fflush(stdout);if(scanf(\"%d\",&x)!=1||x!=3)return 1;}return 0;}"
	const answers = "#include <stdio.h>\nint main(){int a,b;while(scanf(\"%d%d\",&a,&b)==2){printf(\"%d\\n\",a+b);fflush(stdout);}}"
	for name, bench := range map[string]struct {
		kind         judging.Kind
		source, mine string
		input        string
	}{
		"checker": {judging.Program, checker, sumC, "1 2"}, "interactor": {judging.Interactor, talker, answers, "1"}, "rounds": {judging.Interactor, talker, answers, "10000"},
	} {
		b.Run(name, func(b *testing.B) {
			cases, checks := []float64(nil), []float64(nil)
			s, in := benchmarkInput(b)
			s.cfg.Trace = func(part string, took time.Duration) {
				switch part {
				case "case":
					cases = append(cases, took.Seconds()*1000)
				case "check":
					checks = append(checks, took.Seconds()*1000)
				}
			}
			in.Checker = judging.Checker{Kind: bench.kind, Protocol: judging.Testlib, File: "referee.c"}
			in.RefereeFile = filepath.Join(b.TempDir(), "kept")
			if err := os.Mkdir(filepath.Join(in.TestDataDir, judging.Folder), 0o700); err != nil {
				b.Fatal(err)
			}
			writeFile(b, filepath.Join(in.TestDataDir, judging.Folder, "referee.c"), bench.source)
			writeFile(b, filepath.Join(in.SourceDir, "main.c"), bench.mine)
			in.Tasks[0].CaseCount = 50
			for c := range in.Tasks[0].CaseCount {
				writeFile(b, filepath.Join(in.TestDataDir, execute.CaseName(0, c)+".in"), bench.input)
				writeFile(b, filepath.Join(in.TestDataDir, execute.CaseName(0, c)+".out"), "3")
			}
			for b.Loop() {
				got, err := s.Run(b.Context(), in)
				if err != nil || got[0][0].Status != execute.AC {
					b.Fatal(got, err)
				}
			}
			slices.Sort(cases)
			b.ReportMetric(cases[0], "ms-min")
			b.ReportMetric(cases[len(cases)/2], "ms-p50")
			if len(checks) > 0 {
				slices.Sort(checks)
				b.ReportMetric(checks[len(checks)/2], "ms-check-p50")
			}
		})
	}
}

func benchmarkInput(b *testing.B) (*Sandbox, execute.Input) {
	b.Helper()
	s, err := New(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	in := execute.Input{Language: execute.C, SourceDir: b.TempDir(), TestDataDir: b.TempDir(), Tasks: []execute.Task{ordinary}}
	in.Tasks[0].CaseCount = 1
	for path, text := range map[string]string{
		filepath.Join(in.SourceDir, "main.c"):    sumC,
		filepath.Join(in.TestDataDir, "0000.in"): "1 2", filepath.Join(in.TestDataDir, "0000.out"): "3",
	} {
		writeFile(b, path, text)
	}
	return s, in
}

// BenchmarkJob is a job of one case, without its compiler.
func BenchmarkJob(b *testing.B) {
	s, in := benchmarkInput(b)
	parts := map[string][]float64{}
	var compiling time.Duration
	s.cfg.Trace = func(part string, took time.Duration) {
		parts[part] = append(parts[part], took.Seconds()*1000)
		if part == "compile" {
			compiling = took
		}
	}
	s.cfg.Spares, _ = strconv.Atoi(os.Getenv("SPARES"))
	for b.Loop() {
		begin := time.Now()
		got, err := s.Run(b.Context(), in)
		if err != nil || got[0][0].Status != execute.AC {
			b.Fatal(got, err)
		}
		parts["job"] = append(parts["job"], (time.Since(begin)-compiling).Seconds()*1000)
	}
	for part, all := range parts {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], "ms-"+part+"-p50")
	}
}
