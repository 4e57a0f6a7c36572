package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeExecutor makes the test binary an executor of one of several kinds.
const fakeExecutor = "-fake-executor"

func runFakeExecutor() {
	var in Input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cases := Same(in.Tasks, AC, "")
	cases[0][0].Stdout = fmt.Sprint(in.Language, in.SourceDir, in.TestDataDir)
	switch os.Args[2] {
	case "good":
		cases[0][0].Stderr = os.Getenv("RUNNER_TOKEN")
	case "floats":
		fmt.Println(`{"tasks":[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":12.0,"memoryUsage":34e2}]]}`)
		os.Exit(0)
	case "half":
		fmt.Println(`{"tasks":[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":12.5,"memoryUsage":1}]]}`)
		os.Exit(0)
	case "behind":
		fmt.Print(`{"tasks":[]} {}`)
		os.Exit(0)
	case "crash":
		fmt.Fprintln(os.Stderr, "sandbox gone")
		os.Exit(3)
	case "garbage":
		fmt.Println("running...")
	case "short":
		cases = cases[:0]
	case "fields":
		fmt.Println(`{"tasks":[[{"status":"AC"}]]}`)
		os.Exit(0)
	case "hang":
		child := exec.Command("sleep", "60")
		if err := child.Start(); err != nil {
			panic(err)
		}
		if err := os.WriteFile(os.Args[3], fmt.Append(nil, child.Process.Pid), 0o600); err != nil {
			panic(err)
		}
		time.Sleep(time.Minute)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"tasks": cases})
	os.Exit(0)
}

func command(t *testing.T, kind string) *Command {
	t.Helper()
	c, err := NewCommand(os.Args[0]+" "+fakeExecutor+" "+kind, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var commandInput = Input{Language: Cpp, SourceDir: "/s", TestDataDir: "/t", Tasks: []Task{{CaseCount: 1, MemoryLimit: 1, TimeLimit: 1}}}

func TestCommandMayWriteIntegersAsFloats(t *testing.T) {
	got, err := command(t, "floats").Run(t.Context(), commandInput)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]Case{{{Status: AC, ExecTime: 12, MemoryUsage: 3400}}}, got); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}

func TestCommandPassesInputAndCases(t *testing.T) {
	t.Setenv("RUNNER_TOKEN", "secret")
	got, err := command(t, "good").Run(t.Context(), commandInput)
	if err != nil {
		t.Fatal(err)
	}
	want := Same(commandInput.Tasks, AC, "")
	want[0][0].Stdout = "1/s/t"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}

func TestCommandFaults(t *testing.T) {
	for kind, want := range map[string]string{
		"crash":   "exit status 3",
		"garbage": "decode what the executor wrote",
		"short":   "0 tasks, want 1",
		"half":    "cannot unmarshal number 12.5",
		"behind":  "after top-level value",
		"fields":  "left out a field of case 0000",
	} {
		t.Run(kind, func(t *testing.T) {
			if _, err := command(t, kind).Run(t.Context(), commandInput); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want one with %q", err, want)
			}
		})
	}
	if _, err := NewCommand("/nonexistent/executor", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error for a program that does not exist")
	}
}

func TestCommandIsStoppedWithAllItStarted(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	stopped := errors.New("lease lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for {
			if pid, err := os.ReadFile(pidFile); err == nil && len(pid) > 0 {
				cancel(stopped)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	begin := time.Now()
	if _, err := command(t, "hang "+pidFile).Run(ctx, commandInput); !errors.Is(err, stopped) {
		t.Errorf("got %v, want the cause of the stop", err)
	}
	if took := time.Since(begin); took > 30*time.Second { // it and its child sleep for a minute
		t.Errorf("took %v", took)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	waitUntilGone(t, string(pid))
}

func TestBoundedKeepsTheBeginning(t *testing.T) {
	b := &bounded{limit: 5}
	if n, err := io.Copy(b, strings.NewReader("0123456789")); n != 10 || err != nil {
		t.Errorf("copied %d, %v", n, err)
	}
	if got := b.kept.String(); got != "01234" || !b.over {
		t.Errorf("kept %q, over %v", got, b.over)
	}
}
