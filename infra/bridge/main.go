// Command bridge connects an unmodified Normal-OJ to a runlease server: it looks
// like one of the sandboxes that its back end pushes submissions to, and is a
// producer to runlease.
//
//	BRIDGE_SANDBOX_TOKEN=... RUNLEASE_PRODUCER_TOKEN=... bridge -url https://... -backend http://... -data DIR [flags]
//
// Every flag can come from the environment: -backend from BRIDGE_BACKEND, and so
// on; -url from RUNLEASE_URL. The tokens come from there or from files, never from
// a flag: flags are seen by everybody on the machine.
//
// A listening socket that systemd hands over (socket activation) is used in place
// of -addr: then no request is refused while the bridge restarts. That matters:
// one refusal loses a submission.
//
// Logs are JSON on stderr. SIGINT and SIGTERM end it once the requests in flight
// are answered. Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong flags.
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
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"runlease/shared/bridge"
	"runlease/shared/bridge/backend"
	"runlease/shared/bridge/journal"
	"runlease/shared/flagenv"
	"runlease/shared/producer"
	"runlease/shared/version"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// The variables of the two tokens.
const (
	sandboxTokenEnv  = "BRIDGE_SANDBOX_TOKEN"
	producerTokenEnv = "RUNLEASE_PRODUCER_TOKEN"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errVersion reports that -version was given: there is nothing to run.
var errVersion = errors.New("version")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errVersion):
		_, _ = fmt.Fprintln(stdout, version.Line("runlease-bridge"))
		return 0
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "bridge:", err)
		return exitUsage
	}
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: cfg.logLevel}))
	if err := serve(ctx, cfg, log); err != nil {
		_, _ = fmt.Fprintln(stderr, "bridge:", err)
		return exitFailed
	}
	return 0
}

type config struct {
	addr, backend, url, data          string
	sandboxTokenFile, tokenFile       string
	sandboxToken, producerToken       string
	capacity, keepDays                int
	spareMB                           int64
	problemEvery, silence, retryAfter time.Duration
	logLevel                          slog.Level
}

func newFlags(cfg *config, stderr io.Writer) (flags *flag.FlagSet, showVersion *bool) {
	flags = flag.NewFlagSet("bridge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, "Usage of bridge (every flag can come from the environment: -backend from BRIDGE_BACKEND, -url from RUNLEASE_URL):\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&cfg.addr, "addr", "127.0.0.1:1450", "address to listen on, if systemd hands no socket over")
	flags.StringVar(&cfg.backend, "backend", "", "Normal-OJ's back end, http(s)://host[:port][/path]")
	flags.StringVar(&cfg.url, "url", "", "runlease's server, http(s)://host[:port][/path]")
	flags.StringVar(&cfg.data, "data", "", "folder of the journal, on a local disk (default: $STATE_DIRECTORY where systemd sets it)")
	flags.StringVar(&cfg.sandboxTokenFile, "sandbox-token-file", "", "file with the token that the back end's configuration has for this sandbox (else "+sandboxTokenEnv+")")
	flags.StringVar(&cfg.tokenFile, "token-file", "", "file with a producer's token of all scopes (else "+producerTokenEnv+")")
	flags.IntVar(&cfg.capacity, "capacity", 1000, "how many waiting submissions are a load of 1; the back end takes the sandbox with the least load")
	flags.Int64Var(&cfg.spareMB, "spare-mb", 256, "with less than this left on the disk the back end is told to pass the bridge over, MB")
	flags.IntVar(&cfg.keepDays, "keep-days", 30, "for how many days a submission is remembered that is done")
	flags.DurationVar(&cfg.problemEvery, "problem-every", bridge.DefaultPace.Problem, "at most how often the back end is asked whether a problem has changed: it reads all test data for it")
	flags.DurationVar(&cfg.silence, "silence", time.Minute, "how long the back end may be silent before a call is given up")
	flags.DurationVar(&cfg.retryAfter, "retry-most", bridge.DefaultPace.LastWait, "how long to wait at most between two tries while a side is away")
	flags.TextVar(&cfg.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return flags, flags.Bool("version", false, "print the version and exit")
}

func parse(args []string, stderr io.Writer) (cfg config, err error) {
	flags, showVersion := newFlags(&cfg, stderr)
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if *showVersion {
		return cfg, errVersion
	}
	if err := flagenv.Set(flags, "BRIDGE", "version"); err != nil {
		return cfg, err
	}
	if cfg.data == "" {
		cfg.data = os.Getenv("STATE_DIRECTORY")
	}
	switch {
	case flags.NArg() > 0:
		return cfg, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case cfg.data == "":
		return cfg, errors.New("no folder for the journal: give -data or BRIDGE_DATA")
	case cfg.capacity < 1 || cfg.spareMB < 1 || cfg.keepDays < 1:
		return cfg, errors.New("-capacity, -spare-mb and -keep-days: want at least 1")
	case cfg.problemEvery < 0 || cfg.silence < time.Second || cfg.retryAfter < time.Second:
		return cfg, errors.New("-silence and -retry-most: want at least 1s; -problem-every: no less than 0s")
	}
	for _, side := range []struct {
		flag, variable string
		url            *string
	}{{"-backend", "BRIDGE_BACKEND", &cfg.backend}, {"-url", "RUNLEASE_URL", &cfg.url}} {
		u, err := url.Parse(*side.url)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return cfg, fmt.Errorf("%s or %s: want http(s)://host[:port][/path]", side.flag, side.variable)
		}
		*side.url = strings.TrimRight(*side.url, "/")
	}
	if cfg.sandboxToken, err = readToken(cfg.sandboxTokenFile, sandboxTokenEnv, "-sandbox-token-file"); err != nil {
		return cfg, err
	}
	cfg.producerToken, err = readToken(cfg.tokenFile, producerTokenEnv, "-token-file")
	return cfg, err
}

// readToken reads a token from a file, or else from a variable, which no child
// shall find.
func readToken(file, variable, flagName string) (string, error) {
	token := os.Getenv(variable)
	if err := os.Unsetenv(variable); err != nil {
		return "", fmt.Errorf("take the token out of the environment: %w", err)
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read token: %w", err)
		}
		token = string(text)
	}
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return "", fmt.Errorf("no token: set %s or give %s", variable, flagName)
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		// With a token beyond ASCII the back end fails on every verdict.
		return "", fmt.Errorf("the token of %s holds a blank or a character beyond ASCII, with which Normal-OJ fails: choose another one", flagName)
	}
	return token, nil
}

// How long a request of the back end may take, and an end.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = time.Minute // the back end itself gives up after 30 s of silence
	drainTimeout  = 25 * time.Second
)

func serve(ctx context.Context, cfg config, log *slog.Logger) (err error) {
	listener, err := listen(ctx, cfg.addr)
	if err != nil {
		return err
	}
	kept, err := journal.Open(cfg.data)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	pace := bridge.DefaultPace
	pace.Problem, pace.LastWait = cfg.problemEvery, cfg.retryAfter
	b, err := bridge.New(bridge.Config{
		Journal: kept,
		BackEnd: &backend.Client{URL: cfg.backend, Token: cfg.sandboxToken, Silence: cfg.silence, HTTP: &http.Client{
			Transport: &http.Transport{
				Proxy:       http.ProxyFromEnvironment,
				DialContext: (&net.Dialer{Timeout: headerTimeout}).DialContext,
				// A connection that the back end closes just now would look like a lost answer.
				DisableKeepAlives: true,
			},
			CheckRedirect: producer.NoRedirect,
		}},
		Runlease: &producer.Client{URL: cfg.url, Token: cfg.producerToken, HTTP: &http.Client{
			Timeout:       uploadTimeout,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: headerTimeout}).DialContext, ResponseHeaderTimeout: replyTimeout, MaxIdleConnsPerHost: 48, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
			CheckRedirect: producer.NoRedirect,
		}},
		Pace: pace, Capacity: cfg.capacity, SpareDisk: cfg.spareMB << 20, Keep: time.Duration(cfg.keepDays) * 24 * time.Hour, Log: log,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler: b.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: 2 * bodyTimeout,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	// One request a connection: the back end may use an open one just when a
	// restart closes it, and takes that for a failure.
	server.SetKeepAlivesEnabled(false)
	working, stopWorking := context.WithCancel(ctx)
	worked := make(chan struct{})
	go func() { b.Run(working); close(worked) }()
	defer func() { stopWorking(); <-worked }()
	served := make(chan error, 1)
	counted := &drained{Listener: listener}
	go func() { served <- server.Serve(counted) }()
	log.InfoContext(ctx, "started", slog.String("addr", listener.Addr().String()), slog.String("backend", cfg.backend), slog.String("url", cfg.url))
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = listener.Close()
	log.DebugContext(drain, "accepts no more", slog.Any("reason", <-served))
	if err := errors.Join(err, counted.drain(drain), server.Close()); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	log.InfoContext(drain, "stopped")
	return nil
}

const (
	replyTimeout  = 35 * time.Second
	uploadTimeout = 15 * time.Minute // 1 GB at 10 Mbit/s
)
