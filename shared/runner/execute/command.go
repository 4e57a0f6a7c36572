package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runlease/shared/runner/integers"
)

const (
	// 1,000 cases with 64 KB of stdout and of stderr each are 128 MB, and as
	// much again for their escapes.
	maxCommandOutput = 256 << 20
	commandLogged    = 4 << 10 // bytes of its stderr that go to the log
	commandGrace     = 5 * time.Second
)

// Command is an executor outside: a program that gets the input as JSON and
// answers with the cases. The package's comment has the protocol.
type Command struct {
	args []string
	log  *slog.Logger
}

// NewCommand takes a command line: words parted by blanks, no quotes, no shell.
func NewCommand(line string, log *slog.Logger) (*Command, error) {
	return NewProgram(strings.Fields(line), log)
}

// NewProgram takes a program and its arguments.
func NewProgram(args []string, log *slog.Logger) (*Command, error) {
	if len(args) == 0 {
		return nil, errors.New("empty executor command")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, fmt.Errorf("find executor: %w", err)
	}
	args[0] = path
	return &Command{args, log}, nil
}

// Run starts the program for one job. An error is a fault of the executor, or
// ctx's cause.
func (c *Command) Run(ctx context.Context, in Input) ([][]Case, error) {
	if err := in.AwaitAll(); err != nil { // the program does not see when files come
		return nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode input: %w", err)
	}
	stdout, stderr := &bounded{limit: maxCommandOutput}, &bounded{limit: commandLogged}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(body), stdout, stderr
	cmd.Env = environment(os.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	if err = cmd.Start(); err == nil {
		_ = killedFirst(strconv.Itoa(cmd.Process.Pid)) // it may be over already, or another user's
		err = cmd.Wait()
	}
	if cmd.Process != nil {
		// Whatever it started and left behind.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if stderr.kept.Len() > 0 {
		c.log.InfoContext(ctx, "executor wrote on stderr", slog.String("stderr", stderr.kept.String()))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("run executor: %w", err)
	}
	if stdout.over {
		return nil, fmt.Errorf("executor wrote more than %d bytes", maxCommandOutput)
	}
	return decodeCases(stdout.kept.Bytes(), in.Tasks)
}

func decodeCases(text []byte, tasks []Task) ([][]Case, error) {
	var out struct {
		Tasks [][]struct {
			ExitCode    *int    `json:"exitCode"`
			Status      *string `json:"status"`
			Stdout      *string `json:"stdout"`
			Stderr      *string `json:"stderr"`
			ExecTime    *int64  `json:"execTime"`
			MemoryUsage *int64  `json:"memoryUsage"`
			Reason      string  `json:"reason"`
		} `json:"tasks"`
	}
	if err := integers.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("decode what the executor wrote: %w", err)
	}
	all := make([][]Case, len(out.Tasks))
	for t := range out.Tasks {
		all[t] = make([]Case, len(out.Tasks[t]))
		for c, raw := range out.Tasks[t] {
			if raw.ExitCode == nil || raw.Status == nil || raw.Stdout == nil || raw.Stderr == nil || raw.ExecTime == nil || raw.MemoryUsage == nil {
				return nil, fmt.Errorf("executor left out a field of case %s", CaseName(t, c))
			}
			all[t][c] = Case{*raw.ExitCode, *raw.Status, *raw.Stdout, *raw.Stderr, *raw.ExecTime, *raw.MemoryUsage, raw.Reason}
		}
	}
	return all, Check(tasks, all)
}

// bounded keeps the first bytes and takes the rest without keeping it, so that
// the writer does not block.
type bounded struct {
	kept  bytes.Buffer // not embedded: its ReadFrom knows no limit
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	b.over = b.over || len(p) > room
	b.kept.Write(p[:min(len(p), room)])
	return len(p), nil
}
