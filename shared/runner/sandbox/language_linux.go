package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

// spoken is a language with its tools on this machine.
type spoken struct {
	toolchain.Language
	python execute.Python3
	fault  error // what is missing
}

// speak finds the tools of languages.
func speak(table toolchain.Table) map[int]spoken {
	all := make(map[int]spoken, len(table))
	for id, l := range table {
		var at spoken
		at.Language, at.fault = l.Find(toolchain.Tool)
		if l.Interpreter != "" {
			var err error
			at.python, err = execute.FindPython(l.Interpreter)
			at.fault = errors.Join(at.fault, err)
		}
		all[id] = at
	}
	return all
}

func (s *Sandbox) spoken(id int) (spoken, error) {
	l, found := s.languages[id]
	switch {
	case !found:
		return spoken{}, fmt.Errorf("unknown language %d", id)
	case l.fault != nil:
		return spoken{}, fmt.Errorf("%s: %w", l.Name, l.fault)
	}
	return l, nil
}

// bind is a directory or file of the machine that a box has.
type bind struct {
	from, to string
	writable bool
}

// binds are what the box of a language has beyond the system; dir is its stage.
func (s *Sandbox) binds(dir string, l spoken) []bind {
	var binds []bind
	if l.Interpreter != "" {
		binds = append(binds, bind{from: filepath.Join(dir, "python"), to: pythonDir})
		if prefix := l.python.Prefix; !strings.HasPrefix(prefix+"/", "/usr/") {
			binds = append(binds, bind{from: prefix, to: prefix})
		}
	}
	if l.Artifact == toolchain.Files {
		binds = append(binds, bind{from: filepath.Join(dir, "program"), to: programDir})
	}
	for _, pattern := range l.Mounts {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if _, err := os.Stat(path); err == nil {
				binds = append(binds, bind{from: path, to: path})
			}
		}
	}
	return binds
}

// place is what the words of a language's commands stand for in a box.
func (s *Sandbox) place(b *box, l spoken) toolchain.Place {
	place := toolchain.Place{Source: sourceDir + "/" + l.Source, Interpreter: pythonDir + "/bin/python3", Warm: "/tmp/warm"}
	for _, name := range l.Sources(b.sources()) {
		place.Sources = append(place.Sources, sourceDir+"/"+name)
	}
	if b.warm {
		place.Warm = warmDir
	}
	return place
}

// warm is the directory in which a language's compiler finds what it kept, if there is one.
func (s *Sandbox) warm(l spoken) []bind {
	if !l.Warm || s.cfg.Warm == "" {
		return nil
	}
	dir := filepath.Join(s.cfg.Warm, strconv.Itoa(l.ID))
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	return []bind{{from: dir, to: warmDir}}
}

// Warm lets the compiler of a language make what it keeps for later, if it does so.
// That may take a minute. Jobs that run meanwhile do without.
func (s *Sandbox) Warm(ctx context.Context, id int) error {
	l, err := s.spoken(id)
	if err != nil || !l.Warm || s.cfg.Warm == "" {
		return err
	}
	if err := os.MkdirAll(s.cfg.Warm, 0o700); err != nil {
		return fmt.Errorf("make directory of what compilers keep: %w", err)
	}
	filling, err := os.MkdirTemp(s.cfg.Warm, "filling-")
	if err != nil {
		return fmt.Errorf("make directory of what compilers keep: %w", err)
	}
	defer func() { _ = os.RemoveAll(filling) }()
	in, remove, err := execute.Sample(s.cfg.Dir, l.Language)
	if err != nil {
		return err
	}
	defer remove()
	in.Compile = execute.WarmUp
	b, err := s.newBox(l, []bind{{from: filling, to: warmDir, writable: true}})
	if err != nil {
		return err
	}
	defer b.close()
	err = os.Chmod(filling, 0o755)
	if err == nil && s.root {
		err = os.Chown(filling, b.uid, b.uid)
	}
	if err != nil {
		return fmt.Errorf("make directory of what compilers keep: %w", err)
	}
	if err := execute.CopySources(in, b.sources()); err != nil {
		return err
	}
	prog, err := s.compile(ctx, b, l, in)
	if err != nil {
		return fmt.Errorf("compile %s: %w", l.Source, err)
	}
	defer prog.close()
	if prog.reject != "" {
		return errors.New(prog.reject)
	}
	kept := filepath.Join(s.cfg.Warm, strconv.Itoa(id))
	if err := errors.Join(os.RemoveAll(kept), os.Rename(filling, kept)); err != nil {
		return fmt.Errorf("keep what the compiler made: %w", err)
	}
	s.warmed.Add(1)
	return nil
}
