package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/sandbox"
	"runlease/shared/testkit/figure"
)

const (
	casesOfAJob = 100
	jobsOfOne   = 30
	hello       = "#include <stdio.h>\nint main(void){int a,b;scanf(\"%d%d\",&a,&b);printf(\"%d\\n\",a+b);return 0;}\n"
)

// judges measures what a case and a job cost in the sandbox, beside others that
// run the same program: plain processes, go-judge, and bubblewrap where it is
// installed. What cannot be had here is named and left out.
func judges(ctx context.Context) ([]figure.Figure, error) {
	dir, err := os.MkdirTemp("", "runlease-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	took := map[string][]time.Duration{}
	used := map[string]time.Duration{} // by this process when a part had ended
	box, err := sandbox.New(sandbox.Config{Dir: dir, Spares: 2, Trace: func(part string, d time.Duration) {
		took[part], used[part] = append(took[part], d), ownCPU()
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "no sandbox to measure:", err)
		return nil, nil
	}
	defer box.Close()
	native, err := execute.NewNative(execute.NativeConfig{Dir: dir})
	if err != nil {
		return nil, err
	}
	one, err := job(dir, "one", hello, 1)
	if err != nil {
		return nil, err
	}
	many, err := job(dir, "many", hello, casesOfAJob)
	if err != nil {
		return nil, err
	}
	if err := accepted(box.Run(ctx, many)); err != nil {
		return nil, err
	}
	figures := []figure.Figure{figure.AtMost("sandbox_case_p50_ms", median(took["case"]), "ms, a C hello in a job of 100 cases", 3.5).Rounded(2)}

	var whole []time.Duration
	for range jobsOfOne {
		clear(took)
		begin := time.Now()
		if err := accepted(box.Run(ctx, one)); err != nil {
			return nil, err
		}
		whole = append(whole, time.Since(begin)-took["compile"][0])
	}
	figures = append(figures, figure.AtMost("sandbox_job_p50_ms", median(whole), "ms, a job of one case without its compiler", 10).Rounded(2))

	thousand, err := job(dir, "thousand", hello, casesOfAJob)
	if err != nil {
		return nil, err
	}
	thousand.Tasks = slices.Repeat(thousand.Tasks, 10)
	if err := tenTasks(thousand.TestDataDir); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := accepted(box.Run(ctx, thousand)); err != nil {
		return nil, err
	}
	figures = append(figures, figure.AtMost("sandbox_1000_cases_s", time.Since(begin).Seconds(), "s, with the compiler", 4).Rounded(2))

	// What watching a program costs, beside the program.
	busy, err := job(dir, "busy", "int main(void){for(volatile int i=0;;i++);}", 1)
	if err != nil {
		return nil, err
	}
	busy.Tasks[0].TimeLimit = 3000
	clear(took)
	if _, err := box.Run(ctx, busy); err != nil {
		return nil, err
	}
	watching := used["case"] - used["compile"]
	figures = append(figures, figure.AtMost("sandbox_watch_percent", 100*watching.Seconds()/took["case"][0].Seconds(), "% of a core per running case", 2).Rounded(2))

	begin = time.Now()
	if err := accepted(native.Run(ctx, one)); err != nil {
		return nil, err
	}
	first := time.Since(begin)
	begin = time.Now()
	if err := accepted(native.Run(ctx, many)); err != nil {
		return nil, err
	}
	figures = append(figures, figure.Stated("native_case_ms", float64((time.Since(begin)-first).Microseconds())/1000/(casesOfAJob-1), "ms, mean, plain processes").Rounded(2))

	binary := filepath.Join(dir, "hello")
	source := filepath.Join(one.SourceDir, "main.c")
	if text, err := exec.CommandContext(ctx, "gcc", "-O2", "-w", "-o", binary, source).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile: %w: %s", err, text)
	}
	for _, other := range []struct {
		name string
		run  func(context.Context, string, string) ([]time.Duration, error)
	}{{"go_judge", goJudge}, {"bubblewrap", bubblewrap}} {
		all, err := other.run(ctx, dir, binary)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is not measured: %v\n", other.name, err)
			continue
		}
		figures = append(figures, figure.Stated(other.name+"_case_p50_ms", median(all), "ms, the same program").Rounded(2))
	}
	return figures, nil
}

// job writes a submission and its test data.
func job(dir, name, source string, cases int) (execute.Input, error) {
	in := execute.Input{
		Language: execute.C, SourceDir: filepath.Join(dir, name, "source"), TestDataDir: filepath.Join(dir, name, "data"),
		Tasks: []execute.Task{{CaseCount: cases, MemoryLimit: 64 << 10, TimeLimit: 1000}},
	}
	err := errors.Join(os.MkdirAll(in.SourceDir, 0o700), os.MkdirAll(in.TestDataDir, 0o700), os.WriteFile(filepath.Join(in.SourceDir, "main.c"), []byte(source), 0o600))
	for c := range cases {
		err = errors.Join(err, pair(in.TestDataDir, 0, c))
	}
	return in, err
}

func tenTasks(dir string) error {
	var err error
	for t := 1; t < 10; t++ {
		for c := range casesOfAJob {
			err = errors.Join(err, pair(dir, t, c))
		}
	}
	return err
}

func pair(dir string, task, number int) error {
	base := filepath.Join(dir, execute.CaseName(task, number))
	return errors.Join(os.WriteFile(base+".in", []byte("1 2\n"), 0o600), os.WriteFile(base+".out", []byte("3\n"), 0o600))
}

// accepted returns an error unless every case is AC.
func accepted(cases [][]execute.Case, err error) error {
	if err != nil {
		return err
	}
	for _, task := range cases {
		for _, c := range task {
			if c.Status != execute.AC {
				return fmt.Errorf("a hello is judged %+v", c)
			}
		}
	}
	return nil
}

// median is that of durations, in ms.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// ownCPU is the CPU time of this process, without that of its children.
func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func bubblewrap(ctx context.Context, _, binary string) ([]time.Duration, error) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	for range casesOfAJob {
		begin := time.Now()
		cmd := exec.CommandContext(ctx, bwrap, "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
			"--proc", "/proc", "--dev", "/dev", "--ro-bind", binary, "/main", "/main")
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, text)
		}
		all = append(all, time.Since(begin))
	}
	return all, nil
}
