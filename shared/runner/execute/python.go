package execute

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

// Python3 is an installed interpreter; the zero value is none.
type Python3 struct {
	Executable string
	Prefix     string // of its library
}

// FindPython finds an interpreter by its name: the system's, else the first in
// PATH. That may be a script that looks for the real one, so it is asked.
func FindPython(name string) (Python3, error) {
	path := "/usr/bin/" + name
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(name); err != nil {
			return Python3{}, fmt.Errorf("%s is not installed", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	look := exec.CommandContext(ctx, path, "-I", "-S", "-c", "import sys; print(sys.executable); print(sys.base_prefix)")
	look.Env = environment(os.TempDir())
	out, err := look.Output()
	if err != nil {
		return Python3{}, fmt.Errorf("ask %s where it is: %w", path, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !filepath.IsAbs(lines[0]) || !filepath.IsAbs(lines[1]) {
		return Python3{}, fmt.Errorf("ask %s where it is: it answers %q", path, out)
	}
	return Python3{lines[0], lines[1]}, nil
}

// MakeHome makes a virtual environment without packages: an interpreter that is
// started as bin/python3 in it has the standard library, exit and quit, but neither the
// machine's packages nor a user's.
func (p Python3) MakeHome(dir string) error {
	cfg := "home = " + filepath.Dir(p.Executable) + "\ninclude-system-site-packages = false\n"
	return errors.Join(
		os.MkdirAll(filepath.Join(dir, "bin"), 0o755),
		os.Symlink(p.Executable, filepath.Join(dir, "bin", "python3")),
		os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(cfg), 0o644),
	)
}
