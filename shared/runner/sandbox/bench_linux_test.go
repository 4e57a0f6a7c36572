package sandbox

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"runlease/shared/runner/execute"
)

// BenchmarkCase is a hello in a job of many cases; a compiled program, a box.
func BenchmarkCase(b *testing.B) {
	s, in := benchmarkInput(b)
	slot, err := s.takeSlot()
	if err != nil {
		b.Fatal(err)
	}
	defer slot.give()
	l, err := s.spoken(in.Language)
	if err != nil {
		b.Fatal(err)
	}
	dir, err := s.stage(l, func(to string) error { return execute.CopySources(in, to) })
	if err != nil {
		b.Fatal(err)
	}
	box, err := s.build(dir, slot, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer box.close()
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
