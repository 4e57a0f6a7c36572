package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/durable"
	"runlease/shared/job"
	"runlease/shared/testkit/zips"
)

// cut makes of what a killed server has left what a power cut would have: its
// database is built anew from what strace saw. A write that no sync followed is
// dropped, kept or torn, and so is an object's file.
type cut struct {
	dir, log string
	image    []byte // the database before the start
}

// command is how to start the server so that its writes are seen.
func (c *cut) command(binary string, args []string) []string {
	c.image, _ = os.ReadFile(c.database()) // none yet at the first start
	return append([]string{
		"strace", "-f", "-ttt", "-xx", "-s", strconv.Itoa(64 << 20), "-o", c.log,
		"-P", c.database(), "-P", c.dir, "-e", "trace=pwrite64,fdatasync,fsync,ftruncate,syncfs", binary,
	}, args...)
}

func (c *cut) database() string { return filepath.Join(c.dir, "state.db") }

// kill ends the server that strace runs.
func (c *cut) kill(t *testing.T, strace int) {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", strace, strace))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatalf("kill %q: %v", children, err)
	}
}

var (
	written = regexp.MustCompile(`^\d+ +[\d.]+ pwrite64\(\d+, "([^"]*)", \d+, (\d+)`)
	resized = regexp.MustCompile(`^\d+ +[\d.]+ ftruncate\(\d+, (\d+)`)
	synced  = regexp.MustCompile(`(fdatasync|fsync)(\(\d+| resumed>).*\) += 0`)
	began   = regexp.MustCompile(`^\d+ +([\d.]+) syncfs\(`)
	filed   = regexp.MustCompile(`syncfs(\(\d+| resumed>).*\) += 0`)
)

type unsynced struct {
	at   int
	data []byte
}

// rebuild leaves in the folder what a power cut would have, and returns how many
// writes were not synced.
func (c *cut) rebuild(t *testing.T) (lost int) {
	t.Helper()
	log, err := os.Open(c.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	image, pending := c.image, []unsynced(nil)
	var started, safe float64
	lines := bufio.NewReaderSize(log, 1<<20)
	writes := 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if m := written.FindStringSubmatch(line); m != nil {
			data, err := hex.DecodeString(strings.ReplaceAll(m[1], `\x`, ""))
			at, err2 := strconv.Atoi(m[2])
			if err != nil || err2 != nil {
				t.Fatalf("strace: %.80s: %v %v", line, err, err2)
			}
			pending = append(pending, unsynced{at, data})
			writes++
		}
		if m := resized.FindStringSubmatch(line); m != nil {
			size, _ := strconv.Atoi(m[1])
			image = append(image, make([]byte, max(0, size-len(image)))...)
		}
		if m := began.FindStringSubmatch(line); m != nil {
			started, _ = strconv.ParseFloat(m[1], 64)
		}
		if filed.MatchString(line) {
			safe = started
		}
		if synced.MatchString(line) {
			for _, w := range pending {
				image = w.on(image)
			}
			pending = nil
		}
	}
	if writes == 0 {
		t.Fatal("strace saw no write")
	}
	for _, w := range pending {
		switch rand.IntN(3) {
		case 0:
			image = w.on(image)
		case 1:
			w.data = w.data[:rand.IntN(len(w.data)/512+1)*512] // a disk writes sectors
			image = w.on(image)
		}
	}
	if err := os.WriteFile(c.database(), image, 0o600); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(c.dir, "code"), func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil || float64(info.ModTime().UnixNano())/1e9 < safe {
			return err
		}
		lost++
		if rand.IntN(2) == 0 {
			return os.Truncate(name, 0)
		}
		return os.Remove(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(pending) + lost
}

// on writes w on an image of the file.
func (w unsynced) on(image []byte) []byte {
	if grown := w.at + len(w.data) - len(image); grown > 0 {
		image = append(image, make([]byte, grown)...)
	}
	copy(image[w.at:], w.data)
	return image
}

// TestPowerCut is TestKilled, but what the kills leave is what power cuts would.
func TestPowerCut(t *testing.T) {
	k := newKilled(t)
	c := &cut{dir: k.dir, log: filepath.Join(t.TempDir(), "strace")}
	k.start()
	k.publish()
	k.stop()
	lost := 0
	for range *cuts {
		k.cut = c
		k.start()
		k.load()
		_ = k.process.Wait()
		lost += c.rebuild(t)
		k.cut = nil
		k.start()
		k.check(false)
		k.stop()
	}
	k.start()
	k.drain()
	k.check(true)
	k.stop()
	k.codes()
	t.Logf("%d power cuts, %d writes and files lost or torn, %d requests acknowledged, %d jobs, %d results", *cuts, lost, k.acked.Load(), len(k.scores), k.results)
	if lost == 0 {
		t.Error("no cut lost anything: that proves little")
	}
}

// codes reads the code of every job from its file, or its row, once the server has ended.
func (k *killed) codes() {
	k.t.Helper()
	db, err := durable.Open(k.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	for id := range k.scores {
		if !hasLongCode(id) {
			j, found, err := db.Store().Get(k.t.Context(), id)
			read, err2 := db.Store().ReadCodes(k.t.Context(), []job.Job{j})
			if !found || err != nil || err2 != nil || string(read[id].Zip) != string(zips.Code("")) {
				k.t.Fatalf("the code of job %s is not there: job %v, %q, %v, %v", id, found, read[id].Zip, err, err2)
			}
			continue
		}
		files, err := filepath.Glob(filepath.Join(k.dir, "code", id, "*.zip"))
		var body []byte
		if err == nil && len(files) == 1 {
			body, err = os.ReadFile(files[0])
		}
		if err != nil || len(body) == 0 || !bytes.HasPrefix(body, []byte("PK")) {
			k.t.Fatalf("the code of job %s is not there: %d files, %q, %v", id, len(files), body, err)
		}
	}
}

// stop kills the server while nothing is under way.
func (k *killed) stop() {
	k.t.Helper()
	time.Sleep(10 * time.Millisecond)
	if err := k.process.Process.Kill(); err != nil {
		k.t.Error(err)
	}
	_ = k.process.Wait()
}
