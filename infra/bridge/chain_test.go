package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runlease/shared/bridge/journal"
	"runlease/shared/testkit/normaloj"
	"runlease/shared/testkit/powercut"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/zips"
)

var (
	chained = flag.Int("submissions", 40, "how many submissions TestChain makes")
	kills   = flag.Int("kills", 3, "how often TestChain kills one of the programs")
)

const (
	sandboxToken = "sandbox-token"
	patience     = 3 * time.Minute
)

// chain is the programs, and the stand-in of a back end.
type chain struct {
	t       *testing.T
	bin     string
	dir     string
	backEnd *normaloj.BackEnd
	url     string // of the back end
	socket  *os.File
	hello   struct{ URL, RunnerToken, ProducerToken string }
	logs    map[string]*bytes.Buffer
	cut     *powercut.Cut // how the bridge ends; nil: by a kill
	wrap    []string      // runs the bridge, if it is not empty
}

// newChain builds the programs and listens in the bridge's place, as systemd does.
func newChain(t *testing.T, programs ...string) *chain {
	t.Helper()
	c := &chain{t: t, bin: t.TempDir(), dir: t.TempDir(), backEnd: normaloj.New(sandboxToken), logs: map[string]*bytes.Buffer{}}
	if err := program.Build(c.bin, programs...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.backEnd)
	t.Cleanup(server.Close)
	c.url = server.URL
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, _ := listener.(*net.TCPListener)
	if c.socket, err = tcp.File(); err != nil {
		t.Fatal(err)
	}
	c.backEnd.Sandbox = "http://" + listener.Addr().String()
	_ = listener.Close() // the file is another handle of it
	t.Cleanup(func() {
		_ = c.socket.Close()
		for name, log := range c.logs {
			if t.Failed() {
				t.Logf("%s: %s", name, log.Bytes()[max(0, log.Len()-8000):])
			}
		}
	})
	return c
}

// start starts a program; its log goes on where that of the one before ended.
func (c *chain) start(name string, cmd *exec.Cmd) {
	c.t.Helper()
	if c.logs[name] == nil {
		c.logs[name] = new(bytes.Buffer)
	}
	cmd.Stderr = c.logs[name]
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

func (c *chain) startBridge(url string, more ...string) *exec.Cmd {
	c.t.Helper()
	words := append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, c.bin + "/bridge", "-url", url, "-backend", c.url, "-data", c.dir + "/bridge", "-retry-most", "1s", "-problem-every", "500ms"}, more...)
	if c.cut != nil {
		words = c.cut.Command(words...)
	}
	words = append(slices.Clone(c.wrap), words...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "BRIDGE_SANDBOX_TOKEN="+sandboxToken, "RUNLEASE_PRODUCER_TOKEN="+c.hello.ProducerToken+"\n")
	cmd.ExtraFiles = []*os.File{c.socket}
	c.start("bridge", cmd)
	if c.cut != nil {
		c.t.Cleanup(func() { _ = c.cut.Kill(cmd.Process.Pid) }) // it would outlive its strace
	}
	return cmd
}

// cutsPower has the bridge end as a power cut would end it.
func (c *chain) cutsPower() {
	c.cut = &powercut.Cut{Files: []string{c.dir + "/bridge/journal.db"}, Folder: c.dir + "/bridge/code", Log: c.dir + "/strace"}
}

// startServer starts the durable server, at the address of its first start.
func (c *chain) startServer() *exec.Cmd {
	c.t.Helper()
	addr := strings.TrimPrefix(c.hello.URL, "http://")
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	cmd := exec.Command(c.bin+"/local", "-data", c.dir+"/server", "-addr", addr, "-lease", "5s")
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	c.start("server", cmd)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c.hello)
	}
	if err != nil {
		c.t.Fatalf("start the server: %v: %s", err, c.logs["server"])
	}
	return cmd
}

func (c *chain) startRunner(name string) *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command(c.bin+"/runner", "-url", c.hello.URL, "-name", name, "-isolation", "native", "-work", c.dir+"/"+name, "-lease", "5s", "-languages", c.dir+"/languages.json")
	cmd.Env = append(os.Environ(), "RUNNER_TOKEN="+c.hello.RunnerToken)
	c.start(name, cmd)
	return cmd
}

// writeLanguages leaves the languages of Normal-OJ in the runner's table: it tries each
// that it has whenever it starts.
func (c *chain) writeLanguages() {
	c.t.Helper()
	var all, some []map[string]any
	out, err := exec.Command(c.bin+"/runner", "-print-languages").Output()
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	for _, one := range all {
		if id, _ := one["id"].(float64); id <= 2 {
			some = append(some, one)
		}
	}
	text, _ := json.Marshal(some)
	if err = errors.Join(err, os.WriteFile(c.dir+"/languages.json", text, 0o600)); err != nil {
		c.t.Fatal(err)
	}
}

// kinds are what is submitted, with the status and the score that it must end with.
var kinds = []struct {
	problem, language, status, score int
	source, text                     string
}{
	{1, 2, 0, 100, "main.py", "print(sum(map(int, input().split())))"},
	{1, 2, 1, 40, "main.py", "print(3)"},
	{1, 0, 0, 100, "main.c", "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }"},
	{1, 1, 2, 0, "main.cpp", "int main() { return x; }"},
	{1, 2, 5, 0, "main.py", "raise SystemExit(3)"},
	{1, 0, 2, 0, "main.py", "there is no main.c"},
	{2, 2, 6, 0, "main.py", "print(3)"}, // without test data
}

// TestChain kills the programs at random, the bridge as a power cut would, while
// submissions go from the back end over bridge and server to runners, and verdicts
// back, and while the back end fails at random: each submission ends once, and right.
func TestChain(t *testing.T) {
	c := newChain(t, "bridge", "local", "runner")
	c.backEnd.Fault = func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
		switch n := rand.IntN(100); {
		case n < 5:
			panic(http.ErrAbortHandler)
		case n < 10:
			w.WriteHeader(http.StatusBadGateway)
		case n < 15 && strings.HasSuffix(r.URL.Path, "/complete"):
			serve(httptest.NewRecorder())
			panic(http.ErrAbortHandler) // after its effect
		case n < 20:
			time.Sleep(300 * time.Millisecond)
			serve(w)
		default:
			serve(w)
		}
	}
	tasks := []normaloj.Task{{Score: 40, Cases: 1, MemoryLimit: 262144, TimeLimit: 5000}, {Score: 60, Cases: 1, MemoryLimit: 262144, TimeLimit: 5000}}
	c.backEnd.SetProblem(1, normaloj.Problem{Tasks: tasks, TestData: zips.Of(
		zips.File{Name: "0000.in", Text: "1 2\n"}, zips.File{Name: "0000.out", Text: "3\n"}, zips.File{Name: "0100.in", Text: "4 5\n"}, zips.File{Name: "0100.out", Text: "9\n"})})
	c.backEnd.SetProblem(2, normaloj.Problem{Tasks: tasks})
	c.writeLanguages()
	c.cutsPower()
	const bridge = 1
	programs := []func() *exec.Cmd{
		c.startServer,
		bridge: func() *exec.Cmd { return c.startBridge(c.hello.URL) },
		func() *exec.Cmd { return c.startRunner("runner-1") },
		func() *exec.Cmd { return c.startRunner("runner-2") },
	}
	running := make([]*exec.Cmd, len(programs))
	for i, start := range programs {
		running[i] = start()
	}
	id := func(i int) string { return fmt.Sprintf("%024x", i) }
	var students sync.WaitGroup
	var next, unanswered atomic.Int64
	for range 8 {
		students.Go(func() {
			for i := int(next.Add(1)) - 1; i < *chained; i = int(next.Add(1)) - 1 {
				k := kinds[i%len(kinds)]
				if c.backEnd.Submit(t.Context(), id(i), k.problem, k.language, zips.Of(zips.File{Name: k.source, Text: k.text})) != http.StatusOK {
					unanswered.Add(1)
				}
				time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
			}
		})
	}
	ended := func() (n int) {
		for i := range *chained {
			n += min(1, c.backEnd.Submission(id(i)).Counted)
		}
		return n
	}
	killed, cuts, lost, last := 0, 0, 0, time.Now()
	for before, moved := 0, time.Now(); ended() < *chained; {
		if n := ended(); n > before {
			before, moved = n, time.Now()
		}
		if time.Since(moved) > patience {
			t.Fatalf("%d of %d submissions have ended, and none for %v", ended(), *chained, patience)
		}
		time.Sleep(time.Duration(300+rand.IntN(900)) * time.Millisecond)
		// What was not answered and came to nothing is sent again by a rejudge.
		if int(next.Load()) >= *chained && time.Since(last) > 5*time.Second {
			last = time.Now()
			for i := range *chained {
				if s := c.backEnd.Submission(id(i)); s.Counted == 0 && s.Student != http.StatusOK {
					k := kinds[i%len(kinds)]
					c.backEnd.Submit(t.Context(), id(i), k.problem, k.language, s.Code)
				}
			}
		}
		if killed < *kills && killed <= *kills*ended()/(*chained) && next.Load() > 8 { // spread over the run
			i := rand.IntN(len(programs))
			if killed == 0 {
				i = bridge // even if there are few, and in its first run
			}
			kill := func(int) error { return running[i].Process.Kill() }
			if i == bridge {
				kill = c.cut.Kill
			}
			err := kill(running[i].Process.Pid)
			_ = running[i].Wait()
			if i == bridge && err == nil {
				var n int
				n, err = c.cut.Rebuild()
				cuts, lost = cuts+1, lost+n
			}
			if err != nil {
				t.Fatal(err)
			}
			running[i] = programs[i]()
			killed++
		}
	}
	students.Wait()
	time.Sleep(time.Second) // for a verdict that would be a second one
	unlucky := 0
	for i := range *chained {
		k, s := kinds[i%len(kinds)], c.backEnd.Submission(id(i))
		if s.Counted == 1 && s.Status == 6 && strings.Count(s.Tasks[0][0].Stderr, "was lost: no heartbeat") == 3 {
			unlucky++ // its runner was killed three times: that is the server's rule
			continue
		}
		if s.Counted != 1 || s.Status != k.status || s.Score != k.score {
			t.Errorf("submission %d (%s): %d verdicts, status %d, score %d; want 1, %d, %d; %+v", i, k.text, s.Counted, s.Status, s.Score, k.status, k.score, s.Tasks)
		}
	}
	if cuts >= 10 && lost == 0 {
		t.Error("no cut lost anything: that proves little")
	}
	if c.backEnd.Overlaps() > 0 || 2*killed < *kills || unlucky > 1+*chained/100 {
		t.Errorf("%d overlapping verdicts; %d kills, want %d; %d jobs whose runner was killed three times", c.backEnd.Overlaps(), killed, *kills, unlucky)
	}
	t.Logf("%d submissions, %d kills, %d of them power cuts of the bridge that lost %d writes and files, %d pushes without an answer, %d verdicts sent, %d jobs whose runner was killed three times", *chained, killed, cuts, lost, unanswered.Load(), c.backEnd.Calls("complete"), unlucky)
}

// TestPowerCut: what the bridge has answered 200 is there after a power cut, with its code.
func TestPowerCut(t *testing.T) {
	c := newChain(t, "bridge")
	c.hello.ProducerToken = "x"
	// Without its problem a submission would have its verdict, and lose its code, before a slow cut.
	c.backEnd.SetProblem(1, normaloj.Problem{Tasks: []normaloj.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}, TestData: zips.TestData(1)})
	c.cutsPower()
	cmd := c.startBridge("http://127.0.0.1:9") // runlease is away
	const each, students = 5, 8
	id := func(n int) string { return fmt.Sprintf("%024x", n) }
	var all sync.WaitGroup
	for first := range students {
		all.Go(func() {
			for n := first * each; n < (first+1)*each; n++ {
				if got := c.backEnd.Submit(t.Context(), id(n), 1, 0, zips.Code("x")); got != http.StatusOK {
					t.Errorf("submission %d: %d", n, got)
				}
			}
		})
	}
	all.Wait()
	err := c.cut.Kill(cmd.Process.Pid)
	_ = cmd.Wait()
	if err == nil {
		_, err = c.cut.Rebuild()
	}
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(c.dir + "/bridge")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for n := range each * students {
		s, found, err := j.Submission(id(n))
		code, err2 := os.ReadFile(filepath.Join(c.dir, "bridge", "code", s.File))
		if !found || err != nil || err2 != nil || !bytes.Equal(code, zips.Code("x")) {
			t.Fatalf("submission %d was answered: %+v, %v, %v, %d bytes of code", n, s, err, err2, len(code))
		}
	}
}

// TestRestartRefusesNobody restarts the bridge under load: systemd has the socket,
// and every submission is answered 200 and kept.
func TestRestartRefusesNobody(t *testing.T) {
	c := newChain(t, "bridge")
	c.hello.ProducerToken = "x"
	c.backEnd.SetProblem(1, normaloj.Problem{Tasks: []normaloj.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}, TestData: zips.TestData(1)})
	nobody := "http://127.0.0.1:9" // runlease is away
	cmd := c.startBridge(nobody)
	var stop atomic.Bool
	var students sync.WaitGroup
	var sent, answered atomic.Int64
	for range 16 {
		students.Go(func() {
			for !stop.Load() {
				id := fmt.Sprintf("%024x", sent.Add(1))
				if got := c.backEnd.Submit(t.Context(), id, 1, 0, zips.Code("x")); got != http.StatusOK {
					t.Errorf("submission %s: %d", id, got)
				}
				answered.Add(1)
			}
		})
	}
	for range 6 {
		some := answered.Load() + 50
		until.True(t, until.Hang, "submissions are answered", func() bool { return answered.Load() > some })
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the bridge ended: %v", err)
		}
		cmd = c.startBridge(nobody)
	}
	stop.Store(true)
	students.Wait()
	response, err := http.Get(c.backEnd.Sandbox + "/status?token=" + sandboxToken)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if want := fmt.Sprintf(`"received":%d}`, sent.Load()); !strings.Contains(string(text), want) {
		t.Errorf("after %d submissions: %s", sent.Load(), text)
	}
	t.Logf("%d submissions over 6 restarts", sent.Load())
}

// TestFullDisk fills the disk under the bridge: it says so before the back end sends
// it anything, loses nothing, and goes on once there is space.
func TestFullDisk(t *testing.T) {
	c := newChain(t, "bridge")
	c.hello.ProducerToken = "x"
	c.backEnd.SetProblem(1, normaloj.Problem{Tasks: []normaloj.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}, TestData: zips.TestData(1)})
	disk, err := filepath.EvalSymlinks(t.TempDir()) // a link leads out of another process's root
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=12m none "$1" && head -c 4m /dev/zero > "$1/ballast" && LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -url http://127.0.0.1:9 -backend "$2" -data "$1/bridge" -spare-mb 1`, c.bin+"/bridge", disk, c.url)
	cmd.Env = append(os.Environ(), "BRIDGE_SANDBOX_TOKEN="+sandboxToken, "RUNLEASE_PRODUCER_TOKEN=x")
	cmd.ExtraFiles = []*os.File{c.socket}
	c.start("bridge", cmd)
	code := zips.Of(zips.File{Name: "main.c", Text: strings.Repeat("x", 100_000)})
	n := 0
	for ; c.backEnd.Submit(t.Context(), fmt.Sprint(n), 1, 0, code) == http.StatusOK; n++ {
		if n > 200 {
			t.Fatal("the disk does not become full")
		}
	}
	status := func() (int, string) {
		response, err := http.Get(c.backEnd.Sandbox + "/status?token=" + sandboxToken)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	until.True(t, until.Hang, "a full disk is a reason to pass the bridge over", func() bool { got, _ := status(); return got == http.StatusServiceUnavailable })
	if err := os.Remove(fmt.Sprintf("/proc/%d/root%s/ballast", cmd.Process.Pid, disk)); err != nil {
		t.Fatal(err)
	}
	until.True(t, until.Hang, "the bridge goes on", func() bool { return c.backEnd.Submit(t.Context(), "after", 1, 0, code) == http.StatusOK })
	if _, text := status(); n < 10 || !strings.Contains(text, fmt.Sprintf(`"received":%d}`, n+1)) {
		t.Errorf("after %d submissions: %s", n+1, text)
	}
}

// TestSyncFails has the disk fail to sync, now and then: the bridge says so, and what
// was answered 200 is there after a kill, with its code.
func TestSyncFails(t *testing.T) {
	for _, call := range []string{"fdatasync:error=EIO:when=12+5", "fsync:error=EIO:when=9+6"} { // of the database; of code and its name
		t.Run(call, func(t *testing.T) {
			c := newChain(t, "bridge")
			c.hello.ProducerToken = "x"
			c.backEnd.SetProblem(1, normaloj.Problem{})
			c.backEnd.Fault = func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
				w.WriteHeader(http.StatusBadGateway)
			}
			name, _, _ := strings.Cut(call, ":")
			c.wrap = []string{"strace", "-D", "-f", "-qq", "-o", c.dir + "/strace", "-e", "trace=" + name, "-e", "inject=" + call}
			cmd := c.startBridge("http://127.0.0.1:9")
			kept, failed := 0, 0
			for i := 0; failed < 3 && i < 200; i++ {
				switch c.backEnd.Submit(t.Context(), fmt.Sprint(i), 1, 0, zips.Code("x")) {
				case http.StatusOK:
					kept++
				case http.StatusAccepted: // a 500 of the bridge; the 503 that follow are none of its submissions
					failed++
				default:
					time.Sleep(100 * time.Millisecond)
				}
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			c.wrap = nil
			c.startBridge("http://127.0.0.1:9")
			response, err := http.Get(c.backEnd.Sandbox + "/status?token=" + sandboxToken)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var there struct{ Waiting struct{ Received int } }
			files, unread := os.ReadDir(c.dir + "/bridge/code")
			if err := errors.Join(unread, json.NewDecoder(response.Body).Decode(&there)); err != nil {
				t.Fatal(err)
			}
			if n := there.Waiting.Received; failed < 2 || n < kept || n > kept+failed || len(files) != n {
				t.Errorf("%d answered 200, %d 500; there are %d, with %d files", kept, failed, n, len(files))
			}
		})
	}
}
