package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/criyle/go-sandbox/runner"
)

// exporter is the name by which this program is started in a box to write the
// files of its artifact to standard output.
const exporter = "./runlease-exporter" // a name without a slash would be looked for

// Bounds of an artifact that is several files.
const (
	maxArtifact = 64 << 20 // bytes, with what the archive adds
	maxFiles    = 4096
)

// writeFiles writes the regular files below compiled. It runs in a box, with what
// its programs may.
func writeFiles() {
	w := tar.NewWriter(os.Stdout)
	err := w.AddFS(os.DirFS(compiled))
	if err = errors.Join(err, w.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// export copies the files below compiled to where the box has them read-only. The
// machine opens nothing in the box: whatever a hostile compilation left there, its
// links lead nowhere else. reject: the artifact is too large, or is none.
func (s *Sandbox) export(ctx context.Context, b *box) (reject string, err error) {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", fmt.Errorf("open this program: %w", err)
	}
	defer func() { _ = file.Close() }()
	itself := file
	if info, err := file.Stat(); err == nil && info.Mode()&0o001 == 0 { // it is for its owner alone, and a box has another user
		if itself, err = sealed(file, true); err != nil {
			return "", err
		}
		defer func() { _ = itself.Close() }()
	}
	var archive bytes.Buffer
	out := &sink{limit: maxArtifact, also: func(p []byte) { archive.Write(p) }}
	said := &sink{limit: 1 << 20, keep: 1000}
	end, err := b.run(ctx, s, run{
		args: []string{exporter}, executable: itself, stdout: out, stderr: said, filter: s.programs,
		cpu: 10 * time.Second, wall: 30 * time.Second, memory: 512 << 20, stack: 8 << 20, file: maxArtifact, processes: 64,
	})
	switch {
	case err != nil:
		return "", err
	case end.stopped == byOutput:
		return fmt.Sprintf("the compiler made more than %d MB", maxArtifact>>20), nil
	case end.fault() != nil:
		return "", end.fault()
	case end.status != runner.StatusNormal:
		return "the compiler made nothing to run: " + said.text(), nil
	}
	files := 0
	for r := tar.NewReader(&archive); ; {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("read artifact: %w", err)
		case h.Typeflag != tar.TypeReg:
			continue
		case !filepath.IsLocal(h.Name):
			return "", fmt.Errorf("read artifact: %.80q is no name of a file", h.Name)
		}
		if files++; files > maxFiles {
			return fmt.Sprintf("the compiler made more than %d files", maxFiles), nil
		}
		if err := copyOut(filepath.Join(b.stage, "program", h.Name), r); err != nil { //nolint:gosec // a local name, by the case above
			return "", fmt.Errorf("copy artifact: %w", err)
		}
	}
}

func copyOut(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, os.Chmod(path, 0o755), to.Close())
}
