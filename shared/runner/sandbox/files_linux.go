package sandbox

import (
	"fmt"
	"io"
	"os"

	"github.com/criyle/go-sandbox/container"
	"golang.org/x/sys/unix"
)

const maxExecutable = 256 << 20 // bytes

// take reads a file of the box into a sealed one in memory. The box's first
// process opens it, and nothing but a regular file: what a hostile compilation
// left under that name is not followed out of the box.
func (s *Sandbox) take(b *box, path string) (*os.File, error) {
	opened, err := b.env.Open([]container.OpenCmd{{Path: path, Flag: os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK}})
	if err != nil {
		return nil, fmt.Errorf("read %s of the box: %w", path, err)
	}
	if opened[0].Err != nil {
		return nil, fmt.Errorf("read %s of the box: %w", path, opened[0].Err)
	}
	defer func() { _ = opened[0].File.Close() }()
	info, err := opened[0].File.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s of the box: %w", path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxExecutable {
		return nil, fmt.Errorf("read %s of the box: no regular file, or one of more than %d bytes", path, maxExecutable)
	}
	return sealed(opened[0].File, s.has("sealed program"))
}

// sealed copies a file into memory, where it cannot be changed.
func sealed(from io.Reader, seal bool) (*os.File, error) {
	fd, err := unix.MemfdCreate("program", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "program")
	if _, err = io.Copy(file, from); err != nil {
		err = fmt.Errorf("fill a file in memory: %w", err)
	} else if seal {
		err = sealFile(file)
	} else {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// sealFile makes a file in memory read-only, and goes to its beginning.
func sealFile(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	if err != nil {
		return fmt.Errorf("seal a file in memory: %w", err)
	}
	return nil
}

// input opens the input of a case so that the program may open it again as
// /dev/stdin, but cannot change it.
func (s *Sandbox) input(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("look at input: %w", err)
	}
	if s.root && info.Mode().Perm()&0o006 == 0o004 {
		return file, nil
	}
	defer func() { _ = file.Close() }()
	return sealed(file, true)
}
