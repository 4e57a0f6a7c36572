package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runlease/shared/casefile"
	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/sandbox"
	"runlease/shared/runner/toolchain"
	"runlease/shared/runner/workdir"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/zips"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	execute.Shim()
	goleak.VerifyTestMain(until.Ended(m))
}

func TestFlags(t *testing.T) {
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		args string
		want string // part of the error; empty: none
	}{
		"from the environment": {map[string]string{"RUNLEASE_URL": "http://x", "RUNNER_NAME": "n", "RUNNER_TOKEN": "from-env"}, "", ""},
		"from flags":           {nil, "-url http://x -name n -slots 10 -lease 90s -token-file " + tokenFile, ""},
		"no server":            {map[string]string{"RUNNER_TOKEN": "t"}, "-name n", "no server"},
		"no token":             {nil, "-url http://x -name n", "no token"},
		"no token file":        {nil, "-url http://x -name n -token-file /nonexistent", "read token"},
		"token as a flag":      {nil, "-token t", "not defined"},
		"bad name":             {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name a/b", "name"},
		"no slots":             {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name n -slots 0", "slots 0"},
		"too many slots":       {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name n -slots 11", "slots 11"},
		"lease too short":      {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name n -lease 100ms", "lease"},
		"lease too long":       {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name n -lease 16m", "lease"},
		"line end":             {map[string]string{"RUNLEASE_URL": "http://x", "RUNNER_NAME": "n", "RUNNER_TOKEN": "from-env\r\n"}, "", ""},
		"token of two words":   {map[string]string{"RUNNER_TOKEN": "two words"}, "-url http://x -name n", "token"},
		"password in the URL":  {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://u:p@x -name n", "user name or a password"},
		"no number":            {map[string]string{"RUNNER_TOKEN": "t", "RUNNER_SLOTS": "many"}, "-url http://x -name n", "RUNNER_SLOTS is \"many\""},
		"no truth value":       {map[string]string{"RUNNER_TOKEN": "t", "RUNNER_COMPAT": "yes"}, "-url http://x -name n", "RUNNER_COMPAT"},
		"argument":             {map[string]string{"RUNNER_TOKEN": "t"}, "-url http://x -name n start", "unexpected argument"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"RUNLEASE_URL", "RUNNER_NAME", "RUNNER_COMPAT", "RUNNER_SLOTS"} {
				t.Setenv(key, tc.env[key])
			}
			cfg, err := parse(strings.Fields(tc.args), tc.env["RUNNER_TOKEN"], io.Discard)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want an error with %q", err, tc.want)
				}
				return
			}
			if err != nil || cfg.url != "http://x" || cfg.name != "n" || !strings.HasPrefix(cfg.token, "from-") {
				t.Errorf("got %+v, %v", cfg, err)
			}
		})
	}
}

// TestEveryFlagCanComeFromTheEnvironment, and a flag that is given counts more.
func TestEveryFlagCanComeFromTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"RUNLEASE_URL": "http://x", "RUNNER_NAME": "n", "RUNNER_SLOTS": "3", "RUNNER_LEASE": "90s", "RUNNER_GRACE": "1s", "RUNNER_COMPAT": "true",
		"RUNNER_WORK": "/w", "RUNNER_EXECUTOR": "/bin/true", "RUNNER_CACHE_MB": "7", "RUNNER_OUTPUT_MB": "8", "RUNNER_KEPT_KB": "9",
		"RUNNER_PROCESSES": "10", "RUNNER_LOG_LEVEL": "warn", "RUNNER_ISOLATION": "native", "RUNNER_DOORBELL": "false", "RUNNER_IDLE_EXIT": "10m",
	} {
		t.Setenv(name, value)
	}
	cfg, err := parse([]string{"-slots", "4"}, "t", io.Discard)
	want := cfg
	want.url, want.name, want.token, want.slots, want.lease, want.grace, want.compat = "http://x", "n", "t", 4, 90*time.Second, time.Second, true
	want.doorbell, want.idleExit = false, 10*time.Minute
	want.work, want.executor, want.cacheMB, want.outputMB, want.keptKB, want.processes, want.logLevel, want.isolation = "/w", "/bin/true", 7, 8, 9, 10, slog.LevelWarn, "native"
	if err != nil || !reflect.DeepEqual(cfg, want) {
		t.Errorf("got %+v, %v; want %+v", cfg, err, want)
	}
}

func TestTokenThatEverybodyCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var log safeBuffer
		warnOfToken(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "chmod 600"); got != want {
			t.Errorf("mode %v: warned %v, want %v", mode, got, want)
		}
	}
}

// safeBuffer is written by the runner's goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func serve(t *testing.T, h http.HandlerFunc) []string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return []string{"-url", server.URL, "-name", "n", "-languages", onlyC(t), "-work", filepath.Join(t.TempDir(), "work")}
}

// first is what a program asks its server first. One that ends before that ends the test.
func first(t *testing.T, asked <-chan string, code <-chan int, log *safeBuffer) string {
	t.Helper()
	select {
	case got := <-asked:
		return got
	case got := <-code:
		t.Fatalf("exit code %d before it asked for anything; log:\n%s", got, log)
	case <-time.After(until.Hang):
		t.Fatalf("it asks for nothing; log:\n%s", log)
	}
	return ""
}

// onlyC is a file with a table of one language, which is checked in no time.
func onlyC(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(toolchain.BuiltIn()[language.C])
	path := filepath.Join(t.TempDir(), "languages.json")
	if err = errors.Join(err, os.WriteFile(path, fmt.Appendf(nil, "[\n%s]", text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLanguagesOfARunner: it says what it speaks, why it leaves others out, and
// reports it with everything that it asks for.
func TestLanguagesOfARunner(t *testing.T) {
	serving := func() (asked chan string, args []string) {
		asked = make(chan string, 1000)
		return asked, serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, `{"data":{"jobs":[],"pollSeconds":1},"message":"ok","status":"ok"}`)
			asked <- r.URL.RawQuery + string(body)
		})
	}
	c, bad := toolchain.BuiltIn()[language.C], toolchain.BuiltIn()[language.C]
	c.ID, bad.ID, bad.Check = 40, 41, "int main(void) { return 1; }"
	text, err := json.Marshal([]toolchain.Language{c, bad, {ID: 42, Name: "none", Source: "x", Run: []string{"no-such-tool"}, Check: "x"}})
	path := filepath.Join(t.TempDir(), "languages.json")
	if err = errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{
		"-compat": "languages=40", "-compat=false": `"languages":[40]`,
		"-executor=/bin/true": `"checkers":false`, "-executor=/bin/true -executor-languages=2,33": `"languages":[2,33]`,
	} {
		asked, args := serving()
		var log safeBuffer
		code := make(chan int, 1)
		all := append(append(args, strings.Fields(flag)...), "-isolation", "native", "-languages", path)
		go func() { code <- run(all, "s3cret", &log) }()
		if got := first(t, asked, code, &log); !strings.Contains(got, want) {
			t.Errorf("%s: asked for %q, want %q in it", flag, got, want)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if got := <-code; got != 0 {
			t.Errorf("%s: exit code %d", flag, got)
		}
		if strings.HasPrefix(flag, "-executor") {
			continue
		}
		for _, why := range []string{"exit code 1", "no-such-tool"} {
			if !strings.Contains(log.String(), why) {
				t.Errorf("it does not say why a language is left out: want %q in\n%s", why, log.String())
			}
		}
	}
	if err := os.WriteFile(path, []byte("[\n {\"id\": 40,\n  \"source_file\": 1}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	_, args := serving()
	if got := run(append(args, "-languages", path), "s3cret", &said); got != exitUsage || !strings.Contains(said.String(), path+":3: there is no field source_file") {
		t.Errorf("a malformed table: exit code %d, %s", got, said.String())
	}
}

// TestWorkDirectoryIsOfTheName: two runners of one machine work in two directories.
func TestWorkDirectoryIsOfTheName(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "/of-this-test")
	for args, want := range map[string]string{
		"-url http://127.0.0.1 -name a":          "/of-this-test/runlease-runner-a",
		"-url http://127.0.0.1 -name b":          "/of-this-test/runlease-runner-b",
		"-url http://127.0.0.1 -name a -work /w": "/w",
	} {
		cfg, err := parse(strings.Fields(args), "s3cret", io.Discard)
		if err != nil || cfg.work != want {
			t.Errorf("%s: got %q, %v; want %q", args, cfg.work, err, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Run("wrong token", func(t *testing.T) {
		args := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			_, _ = io.WriteString(w, `{"data":null,"message":"invalid runner token","status":"err","code":"invalid_runner_token"}`)
		})
		var log safeBuffer
		if got := run(args, "s3cret", &log); got != exitRefused {
			t.Errorf("exit code %d, want %d", got, exitRefused)
		}
		if text := log.String(); !strings.Contains(text, "refuses the runner's token") || strings.Contains(text, "s3cret") {
			t.Errorf("log:\n%s", text)
		}
	})
	for name, tc := range map[string]struct {
		flag, env, path string
	}{
		"signal":                   {"-compat=false", "", "/runner/sync"},
		"signal, compat by a flag": {"-compat", "", "/runner/jobs"},
		"signal, compat by env":    {"-slots=1", "1", "/runner/jobs"},
	} {
		t.Run(name, func(t *testing.T) {
			polled := make(chan string, 1000)
			args := append(serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, `{"data":{"jobs":[],"pollSeconds":1},"message":"ok","status":"ok"}`)
				polled <- r.URL.Path
			}), tc.flag)
			t.Setenv("RUNNER_COMPAT", tc.env)
			var log safeBuffer
			code := make(chan int, 1)
			go func() { code <- run(args, "s3cret", &log) }()
			if got := first(t, polled, code, &log); got != tc.path {
				t.Errorf("asked for %s, want %s", got, tc.path)
			}
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-code:
				if got != 0 {
					t.Errorf("exit code %d, want 0; log:\n%s", got, log.String())
				}
			case <-time.After(until.Hang):
				t.Fatal("did not stop")
			}
		})
	}
	t.Run("flags", func(t *testing.T) {
		if got := run([]string{"-slots", "x"}, "", io.Discard); got != exitUsage {
			t.Errorf("exit code %d, want %d", got, exitUsage)
		}
		if got := run([]string{"-h"}, "", io.Discard); got != 0 {
			t.Errorf("help: exit code %d", got)
		}
	})
	t.Run("executor that does not exist", func(t *testing.T) {
		args := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked the server") })
		if got := run(append(args, "-executor", "/nonexistent -x"), "s3cret", io.Discard); got != exitFailed {
			t.Errorf("exit code %d, want %d", got, exitFailed)
		}
	})
}

// bigTestData is a zip of 20 MB that takes 3.8 GB when it is unpacked.
func bigTestData(t *testing.T) []byte {
	t.Helper()
	const size = 100 << 20
	part := make([]byte, 1<<20) // mostly zeros: a zip may not unpack to more than 300 times its size
	_, _ = rand.NewChaCha8([32]byte{}).Read(part[:4<<10])
	var packed, out bytes.Buffer
	sum := crc32.NewIEEE()
	z, err := flate.NewWriter(&packed, flate.BestSpeed)
	for n := 0; n < size && err == nil; n += len(part) {
		_, err = io.MultiWriter(z, sum).Write(part)
	}
	err = errors.Join(err, z.Close())
	w := zip.NewWriter(&out)
	for c := range 38 {
		name := casefile.CaseName(0, c)
		f, made := w.CreateRaw(&zip.FileHeader{
			Name: name + casefile.In, Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: size,
		})
		if err = errors.Join(err, made); err == nil {
			_, err = f.Write(packed.Bytes())
		}
		_, made = w.Create(name + casefile.Out)
		err = errors.Join(err, made)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSignalWhileUnpacking ends the program while it unpacks gigabytes. It does not go on
// until it has them all; the job goes back, and nothing is left of it.
func TestSignalWhileUnpacking(t *testing.T) {
	bin := t.TempDir()
	if err := program.Build(bin, "runner"); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(bin, "runner")
	code, data := zips.Code("int main(void) { return 0; }"), bigTestData(t)
	given := false
	released := make(chan string, 1)
	args := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ref := func(path string, body []byte) string {
			return fmt.Sprintf(`{"url":"http://%s%s","size":%d,"sha256":"%x","expiresIn":300}`, r.Host, path, len(body), sha256.Sum256(body))
		}
		jobs := "[]"
		switch r.URL.Path {
		case "/code.zip":
			_, _ = w.Write(code)
			return
		case "/data.zip":
			_, _ = w.Write(data)
			return
		case "/runner/jobs/j/release":
			body, _ := io.ReadAll(r.Body)
			released <- string(body)
		case "/runner/sync":
			if !given {
				given = true
				jobs = `[{"submissionId":"j","problemId":1,"language":0,"token":"c","attempt":1,"leaseSeconds":60,"heartbeatSeconds":20,"code":` + ref("/code.zip", code) + `,"testdata":` + ref("/data.zip", data) +
					`,"meta":{"tasks":[{"taskScore":100,"caseCount":38,"memoryLimit":65536,"timeLimit":1000}]}}]`
			}
		}
		_, _ = fmt.Fprintf(w, `{"data":{"done":[],"active":[],"jobs":%s,"pollSeconds":5,"heartbeatSeconds":20},"message":"ok","status":"ok"}`, jobs)
	})
	work := args[len(args)-1]
	ctx, cancel := context.WithTimeout(t.Context(), until.Hang)
	defer cancel()
	runner := exec.CommandContext(ctx, binary, append(args, "-isolation", "native", "-slots", "1", "-grace", "1m")...)
	runner.Env = append(os.Environ(), "RUNNER_TOKEN=s3cret")
	var log safeBuffer
	runner.Stderr = &log
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	unpacked := func() (n int) {
		files, _ := filepath.Glob(filepath.Join(work, "running", "job-*", "testdata", "*"+casefile.In))
		return len(files)
	}
	until.NoError(t, until.Hang, func() error {
		if unpacked() == 0 {
			return fmt.Errorf("it unpacks nothing; log:\n%s", log.String())
		}
		return nil
	})
	began := unpacked()
	if err := runner.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- runner.Wait() }()
	most := began
	for running := true; running; most = max(most, unpacked()) {
		select {
		case err := <-ended:
			if running = false; err != nil {
				t.Errorf("%v; log:\n%s", err, log.String())
			}
		case <-time.After(time.Millisecond):
		}
	}
	// A slow machine may take long for each of the 38 files, so time proves nothing.
	if most-began > 19 {
		t.Errorf("%d files were there at the signal, and %d at the end", began, most)
	}
	select {
	case body := <-released:
		if !strings.Contains(body, `"drain"`) && !strings.Contains(body, `"preempted"`) {
			t.Errorf("given back with %s", body)
		}
	default:
		t.Errorf("the job was not given back; log:\n%s", log.String())
	}
	if left, _ := filepath.Glob(filepath.Join(work, "running", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestStartsOverWhatIsLeft(t *testing.T) {
	cfg := config{url: "http://x", name: "n", token: "t", slots: 1, cacheMB: 1, table: toolchain.BuiltIn().Only(language.C)}
	work := t.TempDir()
	if err := os.MkdirAll(filepath.Join(work, "running", "job-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	r, closing, err := build(t.Context(), cfg, work, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closing()
	if _, err := os.Stat(filepath.Join(r.Dir, "job-1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a job of an earlier process is left: %v", err)
	}
}

// TestStopsWithoutItsDirectory: another runner has made it again, and has it.
func TestStopsWithoutItsDirectory(t *testing.T) {
	args := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"jobs":[],"pollSeconds":1},"message":"ok","status":"ok"}`)
	})
	work := args[len(args)-1]
	args = append(args, "-isolation", "native") // no sandbox is needed for this
	var log safeBuffer
	code := make(chan int, 1)
	go func() { code <- run(args, "s3cret", &log) }()
	until.NoError(t, until.Hang, func() error {
		if !strings.Contains(log.String(), "started") && len(code) == 0 {
			return errors.New("it has not started")
		}
		return nil
	})
	if err := os.Rename(work, work+".old"); err != nil {
		t.Fatal(err)
	}
	other, err := workdir.Own(work)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	select {
	case got := <-code:
		if got != exitFailed || !strings.Contains(log.String(), "belongs to another runner") {
			t.Errorf("exit code %d, log:\n%s", got, log.String())
		}
	case <-time.After(until.Hang):
		t.Fatalf("did not stop; log:\n%s", log.String())
	}
}
