// Command local is the embedded server: the whole API in one process. In memory it
// is for a first look and for developing a runner; with -data it keeps everything
// in a folder, and what was answered survives a kill and a power cut.
//
//	go run ./infra/local [-addr 127.0.0.1:0] [-data DIR] [-pools default,exam] [-tls-cert FILE -tls-key FILE] [-lease 600s] [-rate 0] [-v] [-version]
//
// The first line on stdout, once it accepts connections, is one JSON object:
// url, runnerToken (a fleet token) and producerToken (all scopes). Logs go to
// stderr. SIGINT and SIGTERM end it once the requests in flight are answered.
// Without -data, what it holds is gone when it ends. With it, the two tokens are
// made and printed at the first start only.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"runlease/shared/api"
	"runlease/shared/dispatch"
	"runlease/shared/ident"
	"runlease/shared/version"
)

// ballast is memory that is never touched, and so takes none of the machine. The
// collector counts it: it runs once per 256 MB of garbage, and not once per 4 MB while
// the server holds little.
var ballast = make([]byte, 128<<20)

// collectAt is by how many percent the heap may grow until it is collected. At 100, Go's
// own, collecting takes a fifth of the server's time when it holds 200,000 jobs.
const collectAt = 200

func main() {
	defer runtime.KeepAlive(ballast)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// hello is the one line that the server prints.
type hello struct {
	URL           string `json:"url"`
	RunnerToken   string `json:"runnerToken,omitempty"`
	ProducerToken string `json:"producerToken,omitempty"`
	WebhookSecret string `json:"webhookSecret,omitempty"`
}

// How long a client may take, and how long an end may.
const (
	headerTimeout = 10 * time.Second
	replyTimeout  = 5 * time.Minute // a download of test data over a slow line
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 15 * time.Second
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:0", "address to listen on; port 0: any free one")
	data := flags.String("data", "", "folder in which everything is kept; default: none, and all is gone when the server ends")
	poolNames := flags.String("pools", ident.DefaultPool, "pools of runners, with commas between; the runner token that is printed serves them in this order")
	lease := flags.Duration("lease", seconds(dispatch.DefaultLease.Default), "lease of claims that ask for none; below 30s also the least that a claim may ask for")
	rate := flags.Float64("rate", -1, "requests per second that one runner or producer may make, twice as many at once; 0: any number; default: without -data any number, with it as on AWS, 20 for a runner and 200 for a producer")
	certFile := flags.String("tls-cert", "", "file of the certificate, with its chain, to serve HTTPS by; read again on SIGHUP")
	keyFile := flags.String("tls-key", "", "file of the certificate's key")
	public := flags.String("public-url", "", "URL by which clients reach the server, for its links; default: the address that it listens on or, if that is a wildcard, the Host that a request names")
	pages := flags.String("cors-origin", "", "origins whose web pages may call the API, as https://judge.example.com, with commas between; default: none")
	hosts := flags.String("webhook-hosts", "", "hosts that webhooks may be sent to although they have private addresses or plain http, with commas between; this machine always is one")
	webhook := flags.String("webhook", "", "URL that final jobs are announced to, without -data; the first line has its secret. With -data: ctl webhook add")
	codeAsObjects := flags.Bool("code-as-objects", false, "keep short code as files, where older versions look for it: use it before an older version is started again")
	verbose := flags.Bool("v", false, "log every request, not only what went wrong")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *showVersion {
		_, err := fmt.Fprintln(stdout, version.Line("runlease-server"))
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	pools, err := ident.Pools(*poolNames)
	if err != nil {
		return fmt.Errorf("-pools: %w", err)
	}
	longest := seconds(dispatch.DefaultLease.Longest)
	if *lease < time.Second || *lease > longest || *lease%time.Second != 0 {
		return fmt.Errorf("-lease: want whole seconds, 1s to %gs", longest.Seconds())
	}
	if (*certFile == "") != (*keyFile == "") {
		return errors.New("-tls-cert and -tls-key: give both or none")
	}
	if !(*rate == -1 || *rate == 0 || *rate >= 0.1 && *rate <= 1e6) {
		return errors.New("-rate: want 0.1 to 1000000, or 0")
	}
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelInfo
	}
	log := slog.New(api.Lines(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level})))

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close() // unless the server has closed it
	var certificate *certificates
	if *certFile != "" {
		if certificate, err = readCertificate(*certFile, *keyFile); err != nil {
			return err
		}
	}
	front, err := newEdge(listener.Addr(), certificate != nil, *public, *pages)
	if err != nil {
		return err
	}
	where, err := inMemory(pools, front.fallback)
	if *data != "" {
		where, err = inFolder(*data, pools, front.fallback, log)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, where.close()) }()
	s := newServer(front, where, int(lease.Seconds()), log)
	s.announcer(*hosts)
	webhookSecret, err := s.addWebhook(ctx, *webhook, *data)
	if err != nil {
		return err
	}
	s.dispatch.CodeAsObjects = *codeAsObjects
	switch {
	case *rate > 0:
		every := api.Rate{PerSecond: *rate, Burst: max(1, int(2**rate))}
		s.runnerRate, s.producerRate = every, every
	case *rate == -1 && *data != "":
		s.runnerRate, s.producerRate = api.DefaultRunnerRate, api.DefaultProducerRate
	}
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout, // of a body too, until its sender is known: see edge
		WriteTimeout:      replyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// OPTIONS * is answered like everything else.
		DisableGeneralOptionsHandler: true,
	}
	if certificate != nil {
		server.TLSConfig = &tls.Config{GetCertificate: certificate.get, MinVersion: tls.VersionTLS12}
	}
	sweeping, stopSweeping := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer func() { stopSweeping(); beside.Wait() }()
	beside.Go(func() { s.sweepEveryMinute(sweeping) })
	beside.Go(func() { s.announceFinalJobs(sweeping) })
	if certificate != nil {
		told := hangUps() // not in the goroutine: a reader of the greeting may send one at once
		beside.Go(func() { certificate.renew(sweeping, told, log) })
	}
	if where.control != nil {
		beside.Go(func() {
			if err := where.control(sweeping); err != nil {
				log.Error("the operator's command cannot reach the server", "error", err)
			}
		})
	}
	// A reader of the line can connect. It is answered once the tokens are good.
	err = s.issueTokens(ctx, pools, func(runner, producer string) error {
		return greet(stdout, hello{URL: front.fallback, RunnerToken: runner, ProducerToken: producer, WebhookSecret: webhookSecret})
	})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		if certificate != nil {
			served <- server.ServeTLS(listener, "", "")
		} else {
			served <- server.Serve(listener)
		}
	}()

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("shutting down")
	s.doorway.shut()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// greet prints the one line. In a file it outlives a power cut, as the tokens do.
func greet(to io.Writer, line hello) error {
	if err := json.NewEncoder(to).Encode(line); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	if f, is := to.(*os.File); is {
		_ = f.Sync() // a pipe or a terminal has none
	}
	return nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
