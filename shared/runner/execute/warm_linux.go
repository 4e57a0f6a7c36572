package execute

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"runlease/shared/judging"
	"runlease/shared/runner/workdir"
)

// WarmUp is what the first compilation of a language may use, which has to make what
// later ones find.
var WarmUp = judging.Compile{TimeLimit: judging.MaxCompileTime, MemoryLimit: 2 << 20}

// Warm has the compiler of a language make what it keeps for later: Go builds its
// library once and not for each submission. Unlike in the sandbox, later
// compilations add to it, so what an earlier process left is removed.
func (n *Native) Warm(ctx context.Context, id int) error {
	l, found := n.cfg.Languages[id]
	if !found || !l.Warm || n.cfg.Warm == "" {
		return nil
	}
	kept := filepath.Join(n.cfg.Warm, strconv.Itoa(id))
	if err := errors.Join(os.RemoveAll(kept), os.MkdirAll(kept, 0o700)); err != nil {
		return fmt.Errorf("make directory of what compilers keep: %w", err)
	}
	in, remove, err := Sample(n.cfg.Dir, l)
	if err != nil {
		return err
	}
	defer remove()
	in.Compile = WarmUp
	dir, err := workdir.Temp(n.cfg.Dir, "program-")
	if err != nil {
		return fmt.Errorf("make directory of a program: %w", err)
	}
	defer n.remove(ctx, dir)
	prog, err := n.compile(ctx, in, dir)
	if err == nil && prog.reject != "" {
		err = errors.New(prog.reject)
	}
	return err
}

// warm is the directory in which a language's compiler keeps things: until the
// runner ends, if Warm has made it, else as long as dir.
func (n *Native) warm(id int, dir string) string {
	kept := filepath.Join(n.cfg.Warm, strconv.Itoa(id))
	if _, err := os.Stat(kept); n.cfg.Warm == "" || err != nil {
		return filepath.Join(dir, "warm")
	}
	return kept
}
