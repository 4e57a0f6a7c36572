// Package cache keeps test data on disk by its SHA-256, so that a problem's
// files are fetched once and not once per job. Nothing is given out unverified:
// a file that has changed on disk is thrown away and fetched again.
package cache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"runlease/shared/runner/workdir"
)

// Cache is a directory of files named by their hash, of bounded total size. One
// process uses it, with as many goroutines as it likes.
type Cache struct {
	dir string
	max int64
	log *slog.Logger

	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the fetch of that hash is over
}

// partial marks files that are still being written.
const partial = ".partial"

// Open makes the directory if it is not there and clears away what an earlier
// process did not finish. maxBytes bounds the sum of all files.
func Open(dir string, maxBytes int64, log *slog.Logger) (*Cache, error) {
	if err := workdir.Make(dir); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "*"+partial))
	if err != nil {
		return nil, fmt.Errorf("look for unfinished files: %w", err)
	}
	for _, path := range leftovers {
		if err := workdir.Remove(path); err != nil {
			log.Warn("an unfinished file of the cache stays", slog.Any("error", err))
		}
	}
	return &Cache{dir: dir, max: maxBytes, log: log, busy: map[string]chan struct{}{}}, nil
}

// Get opens the file with that SHA-256 (lower-case hex) and checks it; if it is
// not there, fetch writes it first. Of several callers at once, one fetches. The
// file stays readable for its caller even if it is dropped meanwhile; the caller
// closes it. fetch's error is passed on; bytes with another hash are a *Mismatch.
func (c *Cache) Get(ctx context.Context, sha string, fetch func(context.Context, io.Writer) error) (*os.File, error) {
	if raw, err := hex.DecodeString(sha); err != nil || len(raw) != sha256.Size || sha != strings.ToLower(sha) {
		return nil, fmt.Errorf("not a SHA-256: %.80q", sha)
	}
	release, err := c.claimHash(ctx, sha)
	if err != nil {
		return nil, err
	}
	defer release()

	path := filepath.Join(c.dir, sha)
	file, err := c.verified(ctx, path, sha)
	if file != nil || err != nil {
		return file, err
	}
	file, err = workdir.TempFile(c.dir, sha+".*"+partial)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	ok := false
	defer func() {
		if !ok {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	hash := sha256.New()
	if err := fetch(ctx, io.MultiWriter(file, hash)); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sha {
		return nil, &Mismatch{Want: sha, Got: got}
	}
	// Not synced: after a power cut the hash tells.
	if err := os.Rename(file.Name(), path); err != nil {
		return nil, fmt.Errorf("keep cache file: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind cache file: %w", err)
	}
	ok = true
	c.evict()
	return file, nil
}

// Compiled is where the program is kept that was compiled of what a key names. It
// counts as the files do, and goes as they do; its writer checks it.
func (c *Cache) Compiled(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:])+".compiled")
}

// Trim drops what has not been used for longest until the rest fits, after a file
// of Compiled was written.
func (c *Cache) Trim() { c.evict() }

// Mismatch means that fetched bytes have another hash than was promised.
type Mismatch struct{ Want, Got string }

func (m *Mismatch) Error() string { return "SHA-256 is " + m.Got + ", want " + m.Want }

// claimHash waits until no other goroutine is at a hash.
func (c *Cache) claimHash(ctx context.Context, sha string) (release func(), err error) {
	for {
		c.mu.Lock()
		other, taken := c.busy[sha]
		if !taken {
			mine := make(chan struct{})
			c.busy[sha] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, sha)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// verified opens a cached file if it is there and has its hash; nil: fetch it.
func (c *Cache) verified(ctx context.Context, path, sha string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open cache file: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	if err == nil && hex.EncodeToString(hash.Sum(nil)) == sha {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("rewind cache file: %w", err)
		}
		now := time.Now()
		_ = os.Chtimes(path, now, now) // used: see evict
		return file, nil
	}
	_ = file.Close()
	c.log.WarnContext(ctx, "cached test data is damaged, fetching it again", slog.String("sha256", sha))
	if err := workdir.Remove(path); err != nil {
		c.log.WarnContext(ctx, "damaged test data stays", slog.Any("error", err)) // under another name
	}
	return nil, nil
}

// evict drops the files that have not been used for longest until the rest fits.
func (c *Cache) evict() {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	var sum int64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && !strings.HasSuffix(info.Name(), partial) {
			files = append(files, info)
			sum += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range files {
		if sum <= c.max {
			return
		}
		if os.Remove(filepath.Join(c.dir, info.Name())) == nil {
			sum -= info.Size()
		}
	}
}
