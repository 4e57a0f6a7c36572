// Package powercut makes of what a killed program has left what a power cut would
// have. Neither bbolt nor a plain file lets a test stand below it, so the program
// runs under strace, and its files are built anew from what that saw: what no sync
// followed is dropped, kept or torn. Linux only.
package powercut

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cut is one run of a program that ends by a power cut.
type Cut struct {
	Files  []string // that are written by pwrite64, as databases and journals are
	Folder string   // the files below it are written anew and renamed
	Log    string   // what strace writes to

	images map[string]*image // of Files, by name
	began  time.Time
}

// image is a file as it would be after a power cut.
type image struct {
	bytes   []byte
	pending []write // not synced
	writes  int     // in all
	made    bool    // since the start
}

type write struct {
	at   int
	data []byte
}

// Command is how to start a program so that its writes are seen.
func (c *Cut) Command(words ...string) []string {
	c.images, c.began = map[string]*image{}, time.Now()
	for _, name := range c.Files {
		name = resolved(name)
		before, err := os.ReadFile(name)
		c.images[name] = &image{bytes: before, made: err != nil}
	}
	return append([]string{
		"strace", "-f", "--seccomp-bpf", "-ttt", "-xx", "-y", "-s", strconv.Itoa(64 << 20), "-o", c.Log,
		"-e", "trace=pwrite64,fdatasync,fsync,ftruncate,syncfs,rename,renameat,renameat2",
	}, words...)
}

// Kill ends the program that a strace runs.
func (c *Cut) Kill(strace int) error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", strace, strace))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		return fmt.Errorf("kill %q: %w", children, err)
	}
	return nil
}

// A line is a call's beginning, its end, or both. It may hold megabytes between quotation
// marks, at which no expression looks.
var (
	line   = regexp.MustCompile(`^(\d+) +([\d.]+) (<\.\.\. )?(\w+)(?: resumed>|\()`)
	result = regexp.MustCompile(`\) += (-?\d+)`)
	quoted = regexp.MustCompile(`"([^"]*)"`)
	onFile = regexp.MustCompile(`^\d+<([^>]*)>`)
	number = regexp.MustCompile(`, (\d+)(?:\)| <)`)
)

const longestHead = 200 // of what line matches

// tail is what follows a call's quoted arguments.
func tail(args string) string { return args[strings.LastIndexByte(args, '"')+1:] }

// call is a system call that has begun.
type call struct {
	name, args string
	began      time.Time
	writes     int // to its file before it
}

// disk is what would be there after a power cut.
type disk struct {
	images        map[string]*image
	content, name map[string]time.Time // when a file's, or its name, was safe
	all           time.Time            // when everything was
}

// Rebuild leaves in the files and the folder what a power cut would have, and
// returns how many writes and files were not synced. The program must have ended.
func (c *Cut) Rebuild() (lost int, err error) {
	log, err := os.Open(c.Log)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	d := &disk{images: c.images, content: map[string]time.Time{}, name: map[string]time.Time{}, all: c.began}
	begun := map[string]call{} // by thread
	for lines := bufio.NewReaderSize(log, 1<<20); ; {
		text, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		m := line.FindStringSubmatch(text[:min(len(text), longestHead)])
		if m == nil {
			continue
		}
		args := text[len(m[0]):]
		now := begun[m[1]]
		if m[3] == "" {
			seconds, _ := strconv.ParseFloat(m[2], 64)
			now = call{name: m[4], args: args, began: time.UnixMicro(int64(seconds * 1e6))}
			if file := d.images[path(now.args)]; file != nil {
				now.writes = file.writes
			}
			begun[m[1]] = now
			if err := d.begin(now); err != nil {
				return 0, fmt.Errorf("strace: %.80s: %w", text, err)
			}
		}
		if r := result.FindStringSubmatch(tail(args)); r != nil && !strings.HasPrefix(r[1], "-") {
			d.end(now)
		}
	}
	for name, file := range d.images {
		if file.writes == 0 {
			continue // it did not get that far
		}
		lost += len(file.pending)
		if err := os.WriteFile(name, file.afterCut(), 0o600); err != nil {
			return 0, err
		}
		if _, named := d.content[filepath.Dir(name)]; file.made && !named && d.all.Equal(c.began) {
			if err := os.Remove(name); err != nil { // its name was not synced
				return 0, err
			}
		}
	}
	files, err := d.cutFiles(resolved(c.Folder))
	return lost + files, err
}

// begin takes what a call may have done as soon as it has begun.
func (d *disk) begin(c call) error {
	file := d.images[path(c.args)]
	if file == nil || c.name != "pwrite64" && c.name != "ftruncate" {
		return nil
	}
	last := number.FindStringSubmatch(tail(c.args))
	_, text, _ := strings.Cut(c.args, `"`)
	text, _, whole := strings.Cut(text, `"`)
	if last == nil || !whole && c.name == "pwrite64" {
		return errors.New("not understood")
	}
	n, err := strconv.Atoi(last[1])
	if c.name == "ftruncate" {
		file.bytes = append(file.bytes, make([]byte, max(0, n-len(file.bytes)))...)
		return err
	}
	file.pending, file.writes = append(file.pending, write{n, []byte(unescape(text))}), file.writes+1
	return err
}

// end takes what a call has done that has ended well. What was written after it
// began is not synced by it.
func (d *disk) end(c call) {
	switch name := path(c.args); c.name {
	case "syncfs":
		d.all = c.began
	case "fsync", "fdatasync":
		d.content[name] = c.began // of a folder: the names in it
		if file := d.images[name]; file != nil {
			file.synced(max(0, len(file.pending)-(file.writes-c.writes)))
		}
	case "rename", "renameat", "renameat2":
		names := quoted.FindAllStringSubmatch(c.args, 2)
		if len(names) == 2 {
			from, to := resolved(unescape(names[0][1])), resolved(unescape(names[1][1]))
			d.content[to], d.name[to] = d.content[from], c.began
		}
	}
}

// path is that of the file of a call's first argument.
func path(args string) string {
	if m := onFile.FindStringSubmatch(args); m != nil {
		return unescape(m[1])
	}
	return ""
}

// resolved is a path as strace shows that of an open file: without symbolic links, one of
// which may lead to the folder for temporary files.
func resolved(path string) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil { // it is still to be made
		dir = resolved(filepath.Dir(path))
	}
	return filepath.Join(dir, filepath.Base(path))
}

func unescape(text string) string {
	plain, _ := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	return string(plain)
}

// cutFiles empties or removes the files below a folder that were not synced, or
// whose names were not.
func (d *disk) cutFiles(folder string) (lost int, err error) {
	err = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.ModTime().Before(d.all) {
			return err
		}
		named, renamed := d.name[name]
		synced := d.content[filepath.Dir(name)].After(named) && renamed
		if d.content[name].After(info.ModTime()) && synced {
			return nil
		}
		lost++
		if rand.IntN(2) == 0 {
			return os.Truncate(name, 0)
		}
		return os.Remove(name) //nolint:gosec // of a test, below its own folder
	})
	return lost, err
}

// synced makes the oldest writes last.
func (f *image) synced(writes int) {
	for _, w := range f.pending[:writes] {
		f.bytes = w.on(f.bytes)
	}
	f.pending = f.pending[writes:]
}

// afterCut drops, keeps or tears what was not synced.
func (f *image) afterCut() []byte {
	for _, w := range f.pending {
		switch rand.IntN(3) {
		case 0:
			f.bytes = w.on(f.bytes)
		case 1:
			w.data = w.data[:rand.IntN(len(w.data)/512+1)*512] // a disk writes sectors
			f.bytes = w.on(f.bytes)
		}
	}
	return f.bytes
}

// on writes w on an image of the file.
func (w write) on(image []byte) []byte {
	if grown := w.at + len(w.data) - len(image); grown > 0 {
		image = append(image, make([]byte, grown)...)
	}
	copy(image[w.at:], w.data)
	return image
}
