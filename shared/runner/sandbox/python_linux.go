package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// python is an installed interpreter.
type python struct {
	executable string
	prefix     string // of its library
}

// findPython finds the interpreter: the system's, else the first in PATH. That
// may be a script that looks for the real one, so it is asked.
func findPython() (python, error) {
	path := "/usr/bin/python3"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("python3"); err != nil {
			return python{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-I", "-S", "-c", "import sys; print(sys.executable); print(sys.base_prefix)").Output()
	if err != nil {
		return python{}, fmt.Errorf("ask %s where it is: %w", path, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !filepath.IsAbs(lines[0]) || !filepath.IsAbs(lines[1]) {
		return python{}, fmt.Errorf("ask %s where it is: it answers %q", path, out)
	}
	return python{lines[0], lines[1]}, nil
}

// makeHome makes a virtual environment without packages: an interpreter that is
// started by its name has the standard library, exit and quit, but neither the
// machine's packages nor a user's.
func (p python) makeHome(dir string) error {
	cfg := "home = " + filepath.Dir(p.executable) + "\ninclude-system-site-packages = false\n"
	return errors.Join(
		os.MkdirAll(filepath.Join(dir, "bin"), 0o755),
		os.Symlink(p.executable, filepath.Join(dir, "bin", "python3")),
		os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(cfg), 0o644), //nolint:gosec // a program's user reads it
	)
}
