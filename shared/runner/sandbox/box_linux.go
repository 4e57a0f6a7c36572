package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"
	"github.com/criyle/go-sandbox/pkg/mount"
	"golang.org/x/sys/unix"

	"runlease/shared/runner/seccomp"
	"runlease/shared/runner/toolchain"
	"runlease/shared/runner/workdir"
)

// Where things are inside a box.
const (
	workDir   = "/w"
	sourceDir = "/src"
	pythonDir = "/run/python"
	// programDir has the artifact of a language whose artifact is several files.
	programDir = "/program"
	warmDir    = "/run/warm"
)

// identity is the user inside a box when the runner is root.
const identity = 1000

// box is the container of one job.
type box struct {
	env   container.Environment
	stage string   // directory on the host: its root, and the files that are bound into it
	kills *os.File // reports the KILLs that are sent in it
	sent  atomic.Int64
	since atomic.Int64 // sent, when the latest run began
	pid   int          // of its first process
	cores int          // that its programs may use
	warm  bool         // it has warmDir

	uid    int // of its programs on the machine, when the runner is root
	user   lock
	shape  string
	source os.FileInfo // of the directory that is sourceDir

	started func() // called when a program begins; may be nil
}

type credential syscall.Credential

func (c credential) Get() syscall.Credential { return syscall.Credential(c) }

// sources is the directory on the host that is sourceDir: the user inside may read
// what is put there.
func (b *box) sources() string { return filepath.Join(b.stage, "src") }

// stage makes the directory of a box on the host, without a source yet.
func (s *Sandbox) stage(l spoken) (string, error) {
	dir, err := workdir.Temp(s.cfg.Dir, "box-")
	if err != nil {
		return "", fmt.Errorf("make directory of a box: %w", err)
	}
	err = errors.Join(os.Mkdir(filepath.Join(dir, "root"), 0o755), os.Mkdir(filepath.Join(dir, "src"), 0o755))
	if err == nil && l.Interpreter != "" {
		err = l.python.MakeHome(filepath.Join(dir, "python"))
	}
	if err == nil && l.Artifact == toolchain.Files {
		err = os.Mkdir(filepath.Join(dir, "program"), 0o755)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("fill directory of a box: %w", err)
	}
	return dir, nil
}

// newBox makes a box for programs in a language. more is bound into it, and links
// are made at its root.
func (s *Sandbox) newBox(l spoken, more []bind, links ...container.SymbolicLink) (*box, error) {
	uid, user, err := s.takeUser()
	if err != nil {
		return nil, err
	}
	b := &box{uid: uid, user: user, cores: 1}
	if b.stage, err = s.stage(l); err != nil {
		user.give()
		return nil, err
	}
	if b.source, err = os.Lstat(b.sources()); err == nil {
		err = s.build(b, append(s.binds(b.stage, l), more...), links)
	}
	if err != nil {
		_ = os.RemoveAll(b.stage)
		user.give()
		return nil, err
	}
	return b, nil
}

// build makes the container of a box. Its first process may be late on a machine
// that is busy.
func (s *Sandbox) build(b *box, binds []bind, links []container.SymbolicLink) error {
	for n := 1; ; n++ {
		err := s.tryBuild(b, binds, links)
		if n == 3 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func (s *Sandbox) tryBuild(b *box, binds []bind, links []container.SymbolicLink) error {
	// The box's standard error: for messages, and for one descriptor.
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer func() { _ = ours.Close() }()
	builder := &container.Builder{
		Root: filepath.Join(b.stage, "root"), Mounts: s.mounts(b, binds), SymbolicLinks: append(links, s.links...), MaskPaths: s.masks(), ExecFile: s.init,
		WorkDir: workDir, HostName: "box", DomainName: "box", Stderr: theirs,
		CloneFlags:              s.namespaces(),
		UnshareCgroupBeforeExec: s.has("control group namespace"), ContainerUID: identity, ContainerGID: identity,
	}
	if s.ownUser() {
		builder.CredGenerator = credential{Uid: uint32(b.uid), Gid: uint32(b.uid)}
	}
	b.warm = slices.ContainsFunc(binds, func(b bind) bool { return b.to == warmDir })
	b.env, err = builder.Build()
	_ = theirs.Close()
	listener, pid, said := receive(ours)
	if err == nil && listener == nil {
		_ = b.env.Destroy()
		err = errors.New("its first process does not report")
	}
	if err != nil {
		// The library sees only that its first process is gone; that said why.
		if said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		if listener != nil {
			_ = listener.Close()
		}
		return explain(fmt.Errorf("make a box: %w", err), s.root)
	}
	b.kills, b.pid = listener, pid
	go seccomp.WatchKills(listener, b.hears)
	return nil
}

// freeKills is how many KILLs of a run are let through at once. Each takes this process
// some µs, which a program must not have without end.
const freeKills = 100

func (b *box) hears() {
	if b.sent.Add(1)-b.since.Load() > freeKills {
		time.Sleep(time.Millisecond)
	}
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket: %w", err)
	}
	if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
		return nil, nil, fmt.Errorf("ask who writes to a socket: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs"), nil
}

// receive takes what the first process of a box has written so far: a descriptor,
// and what it said. pid is its own.
func receive(from *os.File) (listener *os.File, pid int, said string) {
	var text []byte
	for {
		buf, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4)+unix.CmsgSpace(unix.SizeofUcred))
		n, nr, _, _, err := unix.Recvmsg(int(from.Fd()), buf, rights, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			return listener, pid, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; ")
		}
		text = append(text, bytes.TrimLeft(buf[:n], "\x00")...)
		messages, err := unix.ParseSocketControlMessage(rights[:nr])
		if err != nil || listener != nil {
			continue
		}
		for _, message := range messages {
			if sender, err := unix.ParseUnixCredentials(&message); err == nil {
				pid = int(sender.Pid)
			}
			if fds, err := unix.ParseUnixRights(&message); err == nil && len(fds) == 1 {
				_ = unix.SetNonblock(fds[0], true) // so that it can be waited for
				listener = os.NewFile(uintptr(fds[0]), "kills")
			}
		}
	}
}

// keepTo keeps the box's programs to a core: they inherit it from the threads of
// its first process.
func (b *box) keepTo(core int) error {
	var one unix.CPUSet
	one.Set(core)
	for moved := true; moved; { // until none was started meanwhile
		moved = false
		dir := fmt.Sprintf("/proc/%d/task", b.pid)
		threads, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("keep a box to core %d: %w", core, err)
		}
		for _, thread := range threads {
			tid, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("keep a box to core %d: %s has %s", core, dir, thread.Name())
			}
			var now unix.CPUSet
			if err = unix.SchedGetaffinity(tid, &now); err == nil && now != one {
				moved = true
				err = unix.SchedSetaffinity(tid, &one)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) { // it has ended
				return fmt.Errorf("keep a box to core %d: %w", core, err)
			}
		}
	}
	return nil
}

// ownUser reports whether programs have another user than the runner.
func (s *Sandbox) ownUser() bool { return s.root && s.has("user of the slot") }

// written are the directories that a program can write to.
var written = []struct {
	name string
	mode uint32
}{{"w", 0o777}, {"tmp", 0o1777}, {"dev/shm", 0o1777}}

// clear removes what a run has left. A program of the runner's own user owns the
// directories, too. Their names are read-only, so they lead nowhere else.
func (b *box) clear(s *Sandbox) error {
	if err := b.env.Reset(); err != nil {
		return fmt.Errorf("clear a box: %w", err)
	}
	if s.ownUser() {
		return nil
	}
	now := time.Now()
	for _, dir := range written {
		path := fmt.Sprintf("/proc/%d/root/%s", b.pid, dir.name)
		if err := errors.Join(unix.Chmod(path, dir.mode), os.Chtimes(path, now, now)); err != nil {
			return fmt.Errorf("clear a box: %w", err)
		}
	}
	return nil
}

func (b *box) close() {
	_ = b.env.Destroy()
	_ = b.kills.Close()
	_ = os.RemoveAll(b.stage)
	b.user.give()
}

// mounts are what is in a box. Everything is read-only but /w, /tmp and /dev/shm;
// the last is for semaphores and shared memory with a name.
func (s *Sandbox) mounts(box *box, binds []bind) []mount.Mount {
	m := mount.NewBuilder().WithMounts(s.system).WithProcRW(!s.has("read-only system")).
		WithBind(box.sources(), strings.TrimPrefix(sourceDir, "/"), true)
	for _, dir := range written {
		m = m.WithTmpfs(dir.name, s.space(dir.mode))
	}
	for _, b := range binds {
		m = m.WithBind(b.from, strings.TrimPrefix(b.to, "/"), !b.writable)
	}
	return m.Mounts
}

// space are the bounds of a file system in memory, which counts as the memory of
// the programs that write to it.
func (s *Sandbox) space(mode uint32) string {
	if !s.has("bounds of files") {
		return fmt.Sprintf("mode=%o", mode)
	}
	return fmt.Sprintf("size=256m,nr_inodes=%d,mode=%o", s.files, mode)
}

const (
	mostFiles   = 4096 // in each file system of a box
	descriptors = 128  // more than the first process of a box has open beside
)

// filesOfBox is how many files there may be in each file system of a box. The first
// process clears them with a descriptor for each level of directories: with more
// levels than it may have descriptors, a submission would be the runner's fault.
func filesOfBox() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("look at the limit of descriptors: %w", err)
	}
	if limit.Max < 4*descriptors {
		return 0, fmt.Errorf("this process may have %d descriptors: the sandbox needs %d, as LimitNOFILE= of the unit or ulimit -Hn gives", limit.Max, mostFiles+descriptors)
	}
	return int(min(limit.Max-descriptors, mostFiles)), nil
}

// findSystem finds what every box has of the machine.
func (s *Sandbox) findSystem() ([]mount.Mount, []container.SymbolicLink, error) {
	m := mount.NewBuilder()
	links := []container.SymbolicLink{
		{LinkPath: "/dev/fd", Target: "/proc/self/fd"},
		{LinkPath: "/dev/stdin", Target: "/proc/self/fd/0"},
		{LinkPath: "/dev/stdout", Target: "/proc/self/fd/1"},
		{LinkPath: "/dev/stderr", Target: "/proc/self/fd/2"},
	}
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(dir)
		if err != nil {
			continue
		}
		if target, err := os.Readlink(dir); info.Mode()&os.ModeSymlink != 0 && err == nil {
			links = append(links, container.SymbolicLink{LinkPath: dir, Target: target})
			continue
		}
		m = m.WithBind(dir, dir[1:], s.has("read-only system"))
		// The read-only flag is that of one mount, not of those below it.
		below, err := mountsBelow(dir)
		if err != nil {
			return nil, nil, err
		}
		for _, sub := range below {
			m = m.WithBind(sub, sub[1:], true)
		}
	}
	for _, file := range []string{"/etc/ld.so.cache", "/etc/alternatives"} {
		m = m.WithBind(file, file[1:], true)
	}
	devices := []string{"null", "zero", "full", "random", "urandom"}
	if !s.has("devices") {
		devices = append(devices, "kmsg")
	}
	for _, device := range devices {
		m = m.WithBind("/dev/"+device, "dev/"+device, false)
	}
	return m.FilterNotExist().Mounts, links, nil
}

// mountsBelow lists the mounts below a directory.
func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("look at the mounts: %w", err)
	}
	var found []string
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) < 5 {
			continue
		}
		path := unescape(string(f[4]))
		if strings.HasPrefix(path, dir+"/") {
			found = append(found, path)
		}
	}
	return found, nil
}

// unescape undoes how /proc writes blanks in paths.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
