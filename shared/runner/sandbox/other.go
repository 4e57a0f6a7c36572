//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

// Config sets where a Sandbox works and what a program may use.
type Config struct {
	Dir         string
	OutputLimit int64
	KeptOutput  int
	Processes   int
	FirstUID    int
	Trace       func(part string, took time.Duration)
	Log         *slog.Logger
	Languages   toolchain.Table
	Warm        string
	Spares      int
}

// Sandbox needs Linux.
type Sandbox struct{}

var errLinux = errors.New("the sandbox needs Linux: plug in another executor by -executor")

// New fails here.
func New(Config) (*Sandbox, error) { return nil, errLinux }

// Finding is one thing that Check has looked at.
type Finding struct {
	What    string
	Fault   error
	Warning string
}

// Check finds that there is none.
func (*Sandbox) Check(context.Context) []Finding { return []Finding{{What: "system", Fault: errLinux}} }

// Close does nothing here.
func (*Sandbox) Close() {}

// Warm fails here.
func (*Sandbox) Warm(context.Context, int) error { return errLinux }

// Run fails here.
func (*Sandbox) Run(context.Context, execute.Input) ([][]execute.Case, error) { return nil, errLinux }

// Init does nothing here.
func Init() {}
