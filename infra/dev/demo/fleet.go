package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// grace is how long a child may take to end after SIGTERM: a runner gives its
// jobs back, the server answers what is in flight.
const grace = 5 * time.Second

// fleet is the server (if the demo has its own) and the runners. Each child has
// its own process group and is ended by its process id.
type fleet struct {
	dir      string // binaries, work and logs of the children; removed by run
	config   config
	endpoint endpoint
	// isolation is what keeps the demo's programs apart: nothing here is the
	// runner's default, the sandbox.
	isolation []string

	mu       sync.Mutex
	children []*child // in the order of their start
	closed   bool
	ended    chan *child // a child that ended unasked
}

// child is one process. Its log is a file in the fleet's folder.
type child struct {
	name   string
	cmd    *exec.Cmd
	asked  bool          // to end, or was killed; guarded by fleet.mu
	exited chan struct{} // closed once it has ended
	err    error         // of its end; set before exited is closed
}

func newFleet(dir string, c config) *fleet {
	return &fleet{dir: dir, config: c, ended: make(chan *child, 1)}
}

// readEndpoint reads the JSON of an endpoint: all of a file ("-": standard
// input) or its last line that is one, because what deploys an API prints other
// things before.
func readEndpoint(name string) (endpoint, error) {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return endpoint{}, err
		}
		defer file.Close()
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return endpoint{}, fmt.Errorf("read endpoint: %w", err)
	}
	found, _ := parseEndpoint(string(text)) // it may be nothing else, on one line or several
	for line := range strings.Lines(string(text)) {
		if e, err := parseEndpoint(line); err == nil {
			found = e
		}
	}
	if found.URL == "" {
		return endpoint{}, fmt.Errorf(`%s: no line of JSON with url, runnerToken and producerToken`, name)
	}
	return found, nil
}

func parseEndpoint(line string) (endpoint, error) {
	var e endpoint
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return endpoint{}, fmt.Errorf("read endpoint: %w", err)
	}
	if e.URL == "" || e.RunnerToken == "" || e.ProducerToken == "" {
		return endpoint{}, errors.New("read endpoint: url, runnerToken or producerToken is missing")
	}
	return e, nil
}

// startServer starts the embedded server and waits for its one line of JSON.
func (f *fleet) startServer(ctx context.Context) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	//nolint:noctx // a context would kill it; stop ends the children in order
	cmd := exec.Command(filepath.Join(f.dir, "local"), "-addr", "127.0.0.1:0", "-lease", f.config.lease.String())
	cmd.Stdout = write
	server, err := f.start("server", cmd)
	write.Close()
	if err != nil {
		return err
	}
	type first struct {
		line string
		err  error
	}
	got := make(chan first, 1)
	go func() {
		line, err := bufio.NewReader(read).ReadString('\n')
		got <- first{line, err}
	}()
	select {
	case l := <-got:
		if l.err != nil {
			return fmt.Errorf("start server: its first line: %w", l.err)
		}
		f.endpoint, err = parseEndpoint(l.line)
		return err
	case <-server.exited:
		return fmt.Errorf("start server: %w", server.err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chooseIsolation reports, in a line to print, how the runners will keep programs
// apart: in the sandbox or, where this machine has none, as plain processes. The
// demo's own programs are to be trusted.
func (f *fleet) chooseIsolation(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, filepath.Join(f.dir, "runner"), "-check").CombinedOutput()
	if err == nil {
		return "programs run in the sandbox"
	}
	f.isolation = []string{"-isolation", "native"}
	text = bytes.TrimSpace(text)
	return "programs run without a sandbox: " + string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// startRunner starts a runner under a name that no other has. The token goes by
// the environment, where other users of the machine cannot read it.
func (f *fleet) startRunner(name string) error {
	work := filepath.Join(f.dir, name)
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	//nolint:noctx // as above
	cmd := exec.Command(filepath.Join(f.dir, "runner"),
		"-url", f.endpoint.URL, "-name", name, "-slots", strconv.Itoa(f.config.slots), "-lease", f.config.lease.String())
	cmd.Args = append(cmd.Args, f.isolation...)
	cmd.Dir = work
	// Whatever a runner leaves behind when it is killed is inside the folder that
	// the demo removes.
	cmd.Env = append(os.Environ(), "RUNNER_TOKEN="+f.endpoint.RunnerToken, "TMPDIR="+work, "XDG_CACHE_HOME="+work, "XDG_STATE_HOME="+work)
	_, err := f.start(name, cmd)
	return err
}

// start starts a child in a new process group. After stop it refuses.
func (f *fleet) start(name string, cmd *exec.Cmd) (*child, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, fmt.Errorf("start %s: the demo is ending", name)
	}
	log, err := os.Create(f.logFile(name))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	if f.config.verbose {
		cmd.Stderr = os.Stderr
	}
	if cmd.Stdout == nil {
		cmd.Stdout = cmd.Stderr
	}
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, exited: make(chan struct{})}
	f.children = append(f.children, c)
	go func() {
		err := cmd.Wait()
		// What it started must not outlive it. Its group still has its number now;
		// later the number may be another's.
		_ = c.signalGroup(syscall.SIGKILL)
		if err == nil {
			err = errors.New("ended with status 0")
		}
		c.err = err
		close(c.exited)
		f.mu.Lock()
		defer f.mu.Unlock()
		if !c.asked {
			select {
			case f.ended <- c:
			default: // one is enough to end the demo
			}
		}
	}()
	return c, nil
}

func (f *fleet) logFile(name string) string { return filepath.Join(f.dir, name+".log") }

// failure waits for a child that ends unasked; nil: ctx ended
// first.
func (f *fleet) failure(ctx context.Context) error {
	select {
	case c := <-f.ended:
		return fmt.Errorf("%s ended by itself: %w", c.name, c.err)
	case <-ctx.Done():
		return nil
	}
}

// runs reports whether a runner of this name is under way.
func (f *fleet) runs(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.find(name)
	return c != nil && !c.asked
}

func (f *fleet) find(name string) *child {
	for _, c := range f.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// kill ends a runner's whole process group with SIGKILL, as a lost machine
// would: nothing is said to the API.
func (f *fleet) kill(name string) error {
	f.mu.Lock()
	c := f.find(name)
	if c == nil || c.asked {
		f.mu.Unlock()
		return errors.New("it is not under way")
	}
	c.asked = true
	err := c.signalGroup(syscall.SIGKILL)
	f.mu.Unlock()
	<-c.exited
	return err
}

// signalGroup signals the child's group; a group that has ended is no error.
func (c *child) signalGroup(s syscall.Signal) error {
	if err := syscall.Kill(-c.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// stop ends every child, the runners before the server that they give their
// jobs back to: SIGTERM first, SIGKILL for the group of a child that is not gone
// after the grace. Safe to repeat.
func (f *fleet) stop() {
	f.mu.Lock()
	f.closed = true
	children := f.children
	for _, c := range children {
		c.asked = true
	}
	f.mu.Unlock()
	var runners sync.WaitGroup
	var server *child
	for _, c := range children {
		if c.name == "server" {
			server = c
			continue
		}
		runners.Go(func() { c.end(grace) })
	}
	runners.Wait()
	if server != nil {
		server.end(grace)
	}
}

// end sends SIGTERM to the child and, if it is not gone after the grace,
// SIGKILL to its group.
func (c *child) end(grace time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // does nothing if it has ended
	select {
	case <-c.exited:
	case <-time.After(grace):
		_ = c.signalGroup(syscall.SIGKILL)
		<-c.exited
	}
}

// printLogs prints the end of every child's log.
func (f *fleet) printLogs(out io.Writer) {
	if f.config.verbose {
		return // seen already
	}
	const last = 20
	for _, c := range f.children {
		text, err := os.ReadFile(f.logFile(c.name))
		if err != nil || len(text) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		fmt.Fprintf(out, "--- the last lines of %s\n%s\n", c.name, strings.Join(lines[max(0, len(lines)-last):], "\n"))
	}
}
