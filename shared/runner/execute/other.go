//go:build !linux

package execute

import (
	"context"
	"errors"
	"log/slog"

	"runlease/shared/runner/toolchain"
)

// NativeConfig sets where Native works and what a program may use.
type NativeConfig struct {
	Dir         string
	OutputLimit int64
	KeptOutput  int
	Processes   int
	Log         *slog.Logger
	Languages   toolchain.Table
	Warm        string
}

// Native needs Linux: it watches programs by way of /proc.
type Native struct{}

// NewNative fails here.
func NewNative(NativeConfig) (*Native, error) {
	return nil, errors.New("native processes need Linux; plug in another executor")
}

// Run fails here.
func (*Native) Run(context.Context, Input) ([][]Case, error) {
	return nil, errors.New("native processes need Linux")
}

// Shim does nothing here.
func Shim() {}

// ErrKilled is returned on Linux only.
var ErrKilled = errors.New("killed")

func killedFirst(string) error { return nil }
