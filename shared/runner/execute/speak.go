package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/runner/toolchain"
	"runlease/shared/runner/workdir"
)

// Spoken is what was found out about a language.
type Spoken struct {
	ID   int
	Name string
	Took time.Duration // to compile and run a hello
	// ExecTime is what the hello took, in ms of CPU time; MemoryUsage in KB.
	ExecTime, MemoryUsage int64
	Fault                 error // why it is left out; nil: it is spoken
}

// speakTime bounds one check. A machine that is busy at its start may be slow.
const speakTime = 10 * time.Minute

// hello is what the check of every language writes.
const hello = "hello\n"

// Speak finds out which languages of a table an executor speaks: it has each one's
// check compiled and run, all at the same time, and calls found with what came of
// each, one at a time. Nothing is remembered from earlier.
func Speak(ctx context.Context, e interface {
	Run(ctx context.Context, in Input) ([][]Case, error)
}, dir string, table toolchain.Table, found func(Spoken),
) {
	ctx, cancel := context.WithTimeout(ctx, speakTime)
	defer cancel()
	var one sync.Mutex
	var all sync.WaitGroup
	for _, id := range table.IDs() {
		l := table[id]
		all.Go(func() {
			begin := time.Now()
			got, err := speaks(ctx, e, dir, l)
			one.Lock()
			defer one.Unlock()
			found(Spoken{ID: id, Name: l.Name, Took: time.Since(begin), ExecTime: got.ExecTime, MemoryUsage: got.MemoryUsage, Fault: err})
		})
	}
	all.Wait()
}

func speaks(ctx context.Context, e interface {
	Run(ctx context.Context, in Input) ([][]Case, error)
}, dir string, l toolchain.Language,
) (Case, error) {
	if warm, has := e.(interface {
		Warm(ctx context.Context, id int) error
	}); has && l.Warm {
		if err := warm.Warm(ctx, l.ID); err != nil {
			return Case{}, err
		}
	}
	in, remove, err := Sample(dir, l)
	if err != nil {
		return Case{}, err
	}
	defer remove()
	cases, err := e.Run(ctx, in)
	if err != nil {
		return Case{}, err
	}
	got := cases[0][0]
	if got.Status != AC {
		why, _, _ := strings.Cut(strings.TrimSpace(cmp.Or(strings.TrimSpace(got.Stderr), got.Reason)), "\n")
		return got, fmt.Errorf("its check is %s: %.200s", got.Status, why)
	}
	return got, nil
}

// Sample writes the check of a language below dir as a job of one case.
func Sample(dir string, l toolchain.Language) (in Input, remove func(), err error) {
	at, err := workdir.Temp(dir, "hello-")
	if err != nil {
		return Input{}, nil, fmt.Errorf("make directory of a check: %w", err)
	}
	remove = func() { _ = os.RemoveAll(at) }
	in = Input{
		Language: l.ID, SourceDir: filepath.Join(at, "source"), TestDataDir: filepath.Join(at, "data"),
		Tasks: []Task{{CaseCount: 1, MemoryLimit: 256 << 10, TimeLimit: 10_000}},
	}
	err = errors.Join(os.Mkdir(in.SourceDir, 0o700), os.Mkdir(in.TestDataDir, 0o700))
	for path, text := range map[string]string{
		filepath.Join(in.SourceDir, l.Source):                      l.Check,
		filepath.Join(in.TestDataDir, CaseName(0, 0)+casefile.In):  "",
		filepath.Join(in.TestDataDir, CaseName(0, 0)+casefile.Out): hello,
	} {
		err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
	}
	if err != nil {
		remove()
		return Input{}, nil, fmt.Errorf("write a check: %w", err)
	}
	return in, remove, nil
}
