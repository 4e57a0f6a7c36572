// Command runner is the reference runner: it pulls jobs from a runlease server,
// compiles and runs them, and reports what came out.
//
//	RUNNER_TOKEN=... runner -url https://... [flags]
//
// Every flag can come from the environment: -cache-mb from RUNNER_CACHE_MB, and
// so on; -url from RUNLEASE_URL. The token comes from there (RUNNER_TOKEN) or
// from a file (-token-file), never from a flag: flags are seen by everybody on
// the machine.
// Logs are JSON on stderr. SIGINT and SIGTERM give running jobs back and end the
// program; a second one ends it at once.
//
// Exit codes: 0 stopped by a signal, by -idle-exit or by -spot, 1 could not start, 2 wrong flags, 3 the
// server refused the token twice in a row.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/flagenv"
	"runlease/shared/ident"
	"runlease/shared/runner"
	"runlease/shared/runner/cache"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/guard"
	"runlease/shared/runner/sandbox"
	"runlease/shared/runner/spool"
	"runlease/shared/runner/spot"
	"runlease/shared/runner/toolchain"
	"runlease/shared/runner/workdir"
	"runlease/shared/version"
)

const (
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

func main() {
	sandbox.Init() // does not return in the first process of a box
	execute.Shim() // does not return in a process that is about to become a case
	secret, err := guard.Hide("RUNNER_TOKEN")
	if err != nil {
		fail(err)
	}
	guard.Reap(secret) // does not return in process 1
	// A process that must be dumpable and is not a separate executor (-execute)
	// would start here: nothing secret is in this one yet.
	token, err := secret.Read()
	if err != nil {
		fail(err)
	}
	if slices.Contains(os.Args, "-execute") || slices.Contains(os.Args, "-check") { // they have no use for a token, and make boxes
		token = ""
	} else if err := guard.Close(); err != nil {
		fail(err)
	}
	os.Exit(run(os.Args[1:], token, os.Stderr))
}

func fail(err error) {
	_, _ = fmt.Fprintln(os.Stderr, "runner:", err)
	os.Exit(exitFailed)
}

// errWorkLost: the work directory has gone to another runner, or cannot be made.
var errWorkLost = errors.New("the work directory is lost")

type config struct {
	url, name, token string
	tokenFile        string // empty: none
	slots            int
	lease, grace     time.Duration
	idleExit         time.Duration // 0: never
	spot, retire     bool
	compat, doorbell bool
	work, executor   string
	cacheMB          int64
	checkers         bool
	languages        string // file of the table; "": the built-in one
	speaks           string // that the command of executor speaks
	warm             string // directory; "": none
	table            toolchain.Table
	outputMB         int64
	keptKB           int
	processes        int
	isolation        string
	sandboxUID       int
	execute, check   bool
	logLevel         slog.Level
}

// errTable reports that -print-languages was given: there is nothing to run.
var errTable = errors.New("languages")

// errVersion reports that -version was given: there is nothing to run.
var errVersion = errors.New("version")

// run is the program; token is what RUNNER_TOKEN was.
func run(args []string, token string, stderr io.Writer) int {
	cfg, err := parse(args, token, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.Is(err, errTable) {
		_, _ = os.Stdout.Write(toolchain.BuiltInText())
		return 0
	}
	if errors.Is(err, errVersion) {
		fmt.Println(version.Line("runlease-runner"))
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "runner:", err)
		return exitUsage
	}
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: cfg.logLevel})).With(slog.String("runner", cfg.name))
	slog.SetDefault(log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its ordinary effect
	switch {
	case cfg.check:
		return check(ctx, cfg, os.Stdout, stderr)
	case cfg.execute:
		return executeOne(ctx, cfg, os.Stdin, os.Stdout, stderr)
	}

	if cfg.tokenFile != "" {
		warnOfToken(ctx, cfg.tokenFile, log)
	}
	lock, err := workdir.Own(cfg.work)
	if err != nil {
		log.ErrorContext(ctx, "cannot start", slog.Any("error", err))
		return exitFailed
	}
	defer func() { _ = lock.Close() }()
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go func() {
		if err := lock.Keep(ctx, log); err != nil {
			lose(fmt.Errorf("%w: %w", errWorkLost, err))
		}
	}()
	r, closing, err := build(ctx, cfg, lock.Dir, log)
	if err != nil {
		log.ErrorContext(ctx, "cannot start", slog.Any("error", err))
		return exitFailed
	}
	defer closing()
	log.InfoContext(ctx, "started", slog.String("url", cfg.url), slog.Int("slots", cfg.slots), slog.Bool("doorbell", cfg.doorbell && !cfg.compat))
	if err := r.Run(ctx); err != nil {
		log.ErrorContext(ctx, "stopped", slog.Any("error", err))
		return exitRefused
	}
	if cause := context.Cause(ctx); errors.Is(cause, errWorkLost) {
		log.ErrorContext(ctx, "stopped", slog.Any("error", cause))
		return exitFailed
	}
	log.InfoContext(ctx, "stopped")
	return 0
}

func parse(args []string, token string, stderr io.Writer) (config, error) {
	host, _ := os.Hostname()
	var cfg config
	flags := flag.NewFlagSet("runner", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, "Usage of runner (every flag can come from the environment: -cache-mb from RUNNER_CACHE_MB, -url from RUNLEASE_URL):\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&cfg.url, "url", "", "server, http(s)://host[:port][/path]")
	flags.StringVar(&cfg.name, "name", host, "name of this runner, which its token was issued to")
	flags.StringVar(&cfg.tokenFile, "token-file", "", "file with the runner's token (else RUNNER_TOKEN)")
	flags.IntVar(&cfg.slots, "slots", 2, "jobs at a time, 1 to 10")
	flags.DurationVar(&cfg.lease, "lease", time.Minute, "lease of a claim, 1s to 15m, whole seconds; the server sets the bounds, ordinarily 30s and more")
	flags.DurationVar(&cfg.grace, "grace", 15*time.Second, "how long a stop may take to give jobs back")
	flags.DurationVar(&cfg.idleExit, "idle-exit", 0, "end when there was no job for that long, and every result is delivered; 0: never")
	flags.BoolVar(&cfg.spot, "spot", false, "on EC2: when the instance is about to go, by a spot notice or by its auto scaling group, take no more jobs, finish the running ones, and end")
	flags.BoolVar(&cfg.retire, "retire", false, "tell the server at the end by -idle-exit or -spot that this name never comes back; only for names that are used once, as the id of an instance")
	flags.BoolVar(&cfg.compat, "compat", false, "do without sync: a call for every list, claim, heartbeat and result")
	flags.BoolVar(&cfg.doorbell, "doorbell", true, "wait for the server's ring where it has a doorbell, and poll seldom meanwhile; false: poll")
	flags.StringVar(&cfg.work, "work", "", "directory for cache, undelivered results and running jobs; of this runner only (default runlease-runner-<name> below $XDG_STATE_HOME or ~/.local/state; $STATE_DIRECTORY where systemd sets it)")
	flags.StringVar(&cfg.executor, "executor", "", "command that runs submissions in place of native processes: words parted by blanks, one JSON in, one JSON out")
	flags.BoolVar(&cfg.checkers, "executor-checkers", false, "the command of -executor compares outputs as its input's checker says; without a command the runner always does")
	flags.StringVar(&cfg.speaks, "executor-languages", "0,1,2", "numbers of the languages that the command of -executor judges")
	flags.StringVar(&cfg.languages, "languages", "", "file with a table of languages in place of the built-in one, which -print-languages prints")
	flags.StringVar(&cfg.warm, "warm", "", "directory of what compilers keep, with -execute and -check")
	flags.Int64Var(&cfg.cacheMB, "cache-mb", 4096, "size of the cache of test data, MB")
	flags.StringVar(&cfg.isolation, "isolation", isolationSandbox, "sandbox, or native: plain processes, for trusted code only")
	flags.IntVar(&cfg.sandboxUID, "sandbox-uid", 210_000, "first of the user ids that programs in the sandbox get, if the runner is root")
	flags.BoolVar(&cfg.execute, "execute", false, "judge one submission instead of pulling jobs: one JSON on stdin, one on stdout, as -executor has it")
	flags.BoolVar(&cfg.check, "check", false, "tell whether the sandbox has what it needs on this machine, instead of pulling jobs")
	flags.Int64Var(&cfg.outputMB, "output-mb", casefile.OutputLimit>>20, "what a program may write to stdout, and to stderr, where its problem does not say, MB")
	flags.IntVar(&cfg.keptKB, "kept-kb", 64, "how much of each is reported, KB")
	flags.IntVar(&cfg.processes, "processes", 64, "processes and threads of one case")
	flags.TextVar(&cfg.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	showTable := flags.Bool("print-languages", false, "print the built-in table of languages and exit")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	switch {
	case *showVersion:
		return config{}, errVersion
	case *showTable:
		return config{}, errTable
	}
	if err := flagenv.Set(flags, "RUNNER", "version", "execute", "check", "print-languages", "warm"); err != nil {
		return config{}, err
	}
	switch {
	case cfg.isolation != isolationSandbox && cfg.isolation != isolationNative:
		return config{}, fmt.Errorf("isolation %q: want %s or %s", cfg.isolation, isolationSandbox, isolationNative)
	case cfg.execute && cfg.executor != "":
		return config{}, errors.New("-execute and -executor exclude each other")
	}
	cfg.table = toolchain.BuiltIn()
	if cfg.languages != "" {
		var err error
		if cfg.table, err = toolchain.Load(cfg.languages); err != nil {
			return config{}, err
		}
	}
	if cfg.execute || cfg.check {
		return cfg, nil
	}
	cfg.token = strings.TrimSpace(token)
	if cfg.tokenFile != "" {
		var err error
		if cfg.token, err = readToken(cfg.tokenFile); err != nil {
			return config{}, err
		}
	}
	switch {
	case flags.NArg() > 0:
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case cfg.url == "":
		return config{}, errors.New("no server: give -url or RUNLEASE_URL")
	case cfg.token == "":
		return config{}, errors.New("no token: set RUNNER_TOKEN or give -token-file")
	case !ident.Runner(cfg.name):
		return config{}, fmt.Errorf("name %q: want 1 to 64 of letters, digits, '.', '_' and '-'", cfg.name)
	case cfg.slots < 1 || cfg.slots > 10:
		return config{}, fmt.Errorf("slots %d: want 1 to 10", cfg.slots)
	case cfg.lease < time.Second || cfg.lease > 15*time.Minute || cfg.lease%time.Second != 0:
		return config{}, fmt.Errorf("lease %v: want whole seconds, 1s to 15m", cfg.lease)
	case cfg.cacheMB < 1 || cfg.outputMB < 1 || cfg.keptKB < 1 || cfg.processes < 1 || cfg.grace < 0 || cfg.idleExit < 0:
		return config{}, errors.New("sizes must be positive")
	}
	if _, err := runner.ParseURL(cfg.url); err != nil {
		return config{}, err
	}
	if err := runner.CheckToken(cfg.token); err != nil {
		return config{}, err
	}
	if cfg.work == "" {
		var err error
		if cfg.work, err = workdir.Default(cfg.name); err != nil {
			return config{}, err
		}
	}
	return cfg, nil
}

// readToken reads a file that holds a token and perhaps a line end.
func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// warnOfToken warns if every user can read the file of the token.
func warnOfToken(ctx context.Context, path string, log *slog.Logger) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		log.WarnContext(ctx, "every user of this machine can read the token: chmod 600 its file", slog.String("file", path))
	}
}

// leaving waits for a notice of the instance's metadata service, at the address that AWS's
// SDKs take from the environment too.
func leaving(log *slog.Logger) func(context.Context) (time.Time, error) {
	watch := spot.New(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), log)
	return func(ctx context.Context) (time.Time, error) {
		notice, err := watch.Await(ctx)
		if err == nil {
			log.InfoContext(ctx, "notice of the metadata service", slog.String("what", notice.What))
		}
		return notice.By, err
	}
}

// build wires a runner that has work as its own directory.
func build(ctx context.Context, cfg config, work string, log *slog.Logger) (*runner.Runner, func(), error) {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 35 * time.Second,
		MaxIdleConnsPerHost:   2*cfg.slots + 2, // a job and its heartbeat, the poll, the spool; with sync fewer
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		// All calls share one connection. When that is dead, they must get another
		// while the leases that they extend are still good.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
	client, err := runner.NewClient(cfg.url, cfg.token, cfg.name, transport)
	if err != nil {
		return nil, nil, err
	}
	client.Checkers = cfg.executor == "" || cfg.checkers
	if cfg.tokenFile != "" {
		client.Reload = func() (string, error) { return readToken(cfg.tokenFile) }
	}
	results, err := spool.Open(filepath.Join(work, "spool"))
	if err != nil {
		return nil, nil, err
	}
	testData, err := cache.Open(filepath.Join(work, "cache"), cfg.cacheMB<<20, log)
	if err != nil {
		return nil, nil, err
	}
	// Jobs that were running when an earlier process died belong to other runners
	// now.
	running := filepath.Join(work, "running")
	stays, err := workdir.Empty(running)
	if err != nil {
		return nil, nil, fmt.Errorf("directory of running jobs: %w", err)
	}
	if stays != nil {
		log.WarnContext(ctx, "what an earlier job left stays", slog.Any("error", stays))
	}
	cfg.warm = filepath.Join(work, "warm")
	judge, err := newJudge(ctx, cfg, running, log)
	if err != nil {
		return nil, nil, err
	}
	languages, enough, err := languagesOf(ctx, cfg, judge, log)
	if err != nil {
		judge.close()
		return nil, nil, err
	}
	client.Languages = languages
	var leave func(context.Context) (time.Time, error)
	if cfg.spot {
		leave = leaving(log)
	}
	return &runner.Runner{
		Leave: leave, Retire: cfg.retire,
		Client: client, Executor: judge, Cache: testData, Spool: results, Dir: running,
		Slots: cfg.slots, Lease: cfg.lease, Grace: cfg.grace, Compat: cfg.compat, Doorbell: cfg.doorbell, IdleExit: cfg.idleExit, Log: log,
	}, func() { enough(); judge.close() }, nil
}
