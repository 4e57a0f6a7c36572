package execute

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// KeptReferee is a file that holds a compiled referee, behind its SHA-256, for
// the jobs that come. Only one process of the machine has it open at a time: the
// others wait until it is compiled.
type KeptReferee struct{ file *os.File }

const lookAgain = 20 * time.Millisecond

// OpenReferee opens the file of a compiled referee; it need not be there. An
// empty path keeps nothing.
func OpenReferee(ctx context.Context, path string) (KeptReferee, error) {
	if path == "" {
		return KeptReferee{}, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return KeptReferee{}, fmt.Errorf("open compiled checker: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return KeptReferee{file}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return KeptReferee{}, errors.Join(fmt.Errorf("lock compiled checker: %w", err), file.Close())
		}
		select {
		case <-ctx.Done():
			return KeptReferee{}, errors.Join(context.Cause(ctx), file.Close())
		case <-time.After(lookAgain):
		}
	}
}

// Program reads the compiled program. It returns nil if there is none, or if it is damaged.
func (k KeptReferee) Program() (io.Reader, error) {
	if k.file == nil {
		return nil, nil
	}
	var want [sha256.Size]byte
	sum := sha256.New()
	_, err := io.ReadFull(io.NewSectionReader(k.file, 0, sha256.Size), want[:])
	if err == nil {
		_, err = io.Copy(sum, io.NewSectionReader(k.file, sha256.Size, 1<<40))
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read compiled checker: %w", err)
	case !bytes.Equal(sum.Sum(nil), want[:]):
		return nil, nil
	}
	now := time.Now()
	_ = os.Chtimes(k.file.Name(), now, now) // used: the cache drops what was not used for longest
	return io.NewSectionReader(k.file, sha256.Size, 1<<40), nil
}

// Keep writes the compiled program.
func (k KeptReferee) Keep(program io.Reader) error {
	if k.file == nil {
		return nil
	}
	sum := sha256.New()
	err := k.file.Truncate(0)
	if err == nil {
		_, err = io.Copy(io.NewOffsetWriter(k.file, sha256.Size), io.TeeReader(program, sum))
	}
	if err == nil {
		_, err = k.file.WriteAt(sum.Sum(nil), 0)
	}
	if err != nil {
		return fmt.Errorf("keep compiled checker: %w", err)
	}
	return nil
}

// Close lets the others at it.
func (k KeptReferee) Close() {
	if k.file != nil {
		_ = k.file.Close()
	}
}
