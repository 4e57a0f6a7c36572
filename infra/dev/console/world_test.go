//go:build chromium

package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"runlease/shared/producer"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

var (
	shots, binaries string // folders
	axe             string // the text of axe-core
)

func lookPath(name string) (string, error) { return exec.LookPath(name) }

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := prepared(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		code = 1
	}
	os.Exit(code)
}

func prepared(run func() int) (int, error) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		return 1, err
	}
	text, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return 1, fmt.Errorf("%w: npm ci --prefix infra/dev/console brings it", err)
	}
	axe = string(text)
	shots = filepath.Join(root, "build", "console")
	if err := os.RemoveAll(shots); err != nil {
		return 1, err
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		return 1, err
	}
	binaries, err = os.MkdirTemp("", "runlease-console-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(binaries)
	if err := program.Build(binaries, "local", "runner", "ctl"); err != nil {
		return 1, err
	}
	return run(), nil
}

// world is a server with its data in a folder, so that it can go away and come back.
type world struct {
	t *testing.T
	wire.Client
	data   string
	server *exec.Cmd
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data")}
	w.start("127.0.0.1:0")
	t.Cleanup(w.stop)
	return w
}

func (w *world) start(addr string) {
	w.t.Helper()
	w.server = exec.Command(filepath.Join(binaries, "local"), "-addr", addr, "-data", w.data, "-rate", "0", "-lease", "2s")
	w.server.Stderr = os.Stderr
	if err := program.Serve(w.server, &w.Client); err != nil { // a later start prints no tokens, and leaves them
		w.t.Fatal(err)
	}
}

func (w *world) stop() { program.End(w.server) }

// again starts it where it was.
func (w *world) again() { w.start(strings.TrimPrefix(w.URL, "http://")) }

// token issues a producer's token with scopes.
func (w *world) token(name, scopes string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "token")
	if said, err := exec.Command(filepath.Join(binaries, "ctl"), "token", "issue", "-data", w.data, "-kind", "producer", "-name", name, "-scopes", scopes, "-token-file", file).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (w *world) must(status int, method, path, runner string, body any) wire.Reply {
	w.t.Helper()
	reply, err := w.Do(w.t.Context(), method, path, runner, body)
	if err != nil || reply.Status != status {
		w.t.Fatalf("%s %s: %d %s, %v", method, path, reply.Status, reply.Text, err)
	}
	return reply
}

// problem publishes one whose only case has a long time limit.
func (w *world) problem(id int) {
	w.t.Helper()
	data := zips.Of(zips.File{Name: "0000.in", Text: "1\n"}, zips.File{Name: "0000.out", Text: "ok\n"})
	sum := sha256.Sum256(data)
	var draft struct{ Upload producer.Upload }
	c := &producer.Client{URL: w.URL, Token: w.ProducerToken, HTTP: http.DefaultClient}
	path := fmt.Sprintf("/problems/%d", id)
	err := c.Call(w.t.Context(), "PUT", path, map[string]any{
		"tasks":    []map[string]int{{"taskScore": 100, "caseCount": 1, "memoryLimit": 262144, "timeLimit": 60_000}},
		"testdata": map[string]any{"size": len(data), "sha256": hex.EncodeToString(sum[:])},
	}, &draft)
	if err == nil {
		err = c.Send(w.t.Context(), draft.Upload, bytes.NewReader(data), int64(len(data)))
	}
	if err == nil {
		err = c.Call(w.t.Context(), "POST", path+"/publish", nil, nil)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// job hands in a program.
func (w *world) job(id string, problem, language int, text string) {
	w.t.Helper()
	w.must(201, "POST", "/jobs", "", map[string]any{"submissionId": id, "problemId": problem, "language": language, "code": zips.Inline(text)})
}

// onlyPython keeps a runner from trying every compiler when it starts.
const onlyPython = `[{"id": 2, "name": "Python 3", "source": "main.py", "interpreter": "python3",
	"compile": ["{interpreter}", "-B", "-c", "{syntaxCheck}", "{source}"], "run": ["{interpreter}", "-B", "{source}"], "check": "print(\"hello\")\n"}]`

// runner starts the real runner, for trusted programs.
func (w *world) runner(name string) {
	w.t.Helper()
	languages := filepath.Join(w.t.TempDir(), "languages.json")
	if err := os.WriteFile(languages, []byte(onlyPython), 0o600); err != nil {
		w.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, filepath.Join(binaries, "runner"), "-url", w.URL, "-name", name, "-isolation", "native", "-work", w.t.TempDir(), "-slots", "2", "-languages", languages, "-log-level", "warn")
	c.Env = append(os.Environ(), "RUNNER_TOKEN="+w.RunnerToken)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = patience
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { end(); _ = c.Wait() })
}

// result is a runner's result of one case, by what it was answered to its claim.
func result(claim wire.Reply, status string) map[string]any {
	return map[string]any{"token": claim.Data["token"], "tasks": [][]map[string]any{{{"exitCode": 0, "status": status, "stdout": "", "stderr": "", "execTime": 1, "memoryUsage": 1}}}}
}

// judged hands in n jobs of a problem, and results of them.
func (w *world) judged(n, problem int) {
	w.t.Helper()
	for i := range n {
		id := fmt.Sprintf("judged-%d", i)
		w.job(id, problem, 2, "")
		claim := w.must(200, "POST", "/runner/jobs/"+id+"/claim", "vm-0000", `{"leaseSeconds": 900}`)
		w.must(200, "PUT", "/runner/jobs/"+id+"/complete", "vm-0000", result(claim, "AC"))
	}
}

// heard lets n runners be heard.
func (w *world) heard(n int) {
	w.t.Helper()
	var g errgroup.Group
	g.SetLimit(32)
	for i := range n {
		g.Go(func() error {
			reply, err := w.Do(w.t.Context(), "GET", "/runner/jobs?languages=0,1", fmt.Sprintf("vm-%04d", i), nil)
			if err == nil && reply.Status != 200 {
				err = fmt.Errorf("list: %d %s", reply.Status, reply.Text)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits for a job's state.
func (w *world) eventually(id, state string) {
	w.t.Helper()
	until.True(w.t, patience, id+" is "+state, func() bool { return w.must(200, "GET", "/jobs/"+id, "", nil).Data["state"] == state })
}
