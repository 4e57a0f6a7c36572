package execute

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// chaosDir is the directory of a problem's test data whose files are put beside
// every submission before it is compiled.
const chaosDir = "chaos"

// CopySources puts what is compiled into a directory: the submission, and over it
// what the problem adds. Everybody may read the copies.
func CopySources(in Input, to string) error {
	if err := copyTree(in.SourceDir, to); err != nil {
		return fmt.Errorf("copy the submission: %w", err)
	}
	if err := in.await(""); err != nil {
		return err
	}
	chaos := filepath.Join(in.TestDataDir, chaosDir)
	if info, err := os.Lstat(chaos); err != nil || !info.IsDir() {
		return nil
	}
	if err := copyTree(chaos, to); err != nil {
		return fmt.Errorf("copy what the problem adds to a submission: %w", err)
	}
	return nil
}

// MissingSource returns why there is nothing to compile in a directory; "": there
// is.
func MissingSource(dir, name string) string {
	if info, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return fmt.Sprintf("%s is missing: the submission must have it, not in a directory", name)
	}
	return ""
}

// copyTree copies the files and directories below from, in place of what is there; what
// is neither is left out. Everybody may read the copies: the directory above is private.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if there, err := os.Lstat(target); err == nil && there.IsDir() != d.IsDir() {
			if err := os.RemoveAll(target); err != nil {
				return err
			}
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(path, target)
	})
}

// copyFile copies a file of any size, in little memory.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(0o644), out.Close()) // whatever the umask
}
