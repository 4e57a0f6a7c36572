// Command ctl is the operator's command: what is done to a deployment from
// beside the API, with the operator's own AWS credentials.
//
//	go run ./infra/ctl token issue|list|revoke       credentials of runners and producers
//	go run ./infra/ctl problem check|put|publish|show|list|versions|download  problems and their test data, by a producer's token
//	go run ./infra/ctl jobs                          the oldest open jobs and their holders
//	go run ./infra/ctl dead-letter list|send-back    messages that could not be parsed
//	go run ./infra/ctl webhook add|list|rotate|remove|test|dead|send-back  where final jobs are announced
//	go run ./infra/ctl -version
//	go run ./infra/ctl restore                       a new table of what a table held at a moment
//	go run ./infra/ctl adopt                         what a destroyed deployment left, for cdk import
//	go run ./infra/ctl backup|restore -data DIR DIR2 copy an embedded server's folder, put the copy back
//	go run ./infra/ctl cost                          what a month costs, by counted requests and listed prices
//
// Results go to stdout, explanations to stderr. It exits with 0, with 1 if
// something failed, and with 2 if it was called wrongly.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"runlease/shared/auth"
	"runlease/shared/version"
)

// operator is what the subcommands know of the world.
type operator struct {
	in     io.Reader
	out    io.Writer // results
	err    io.Writer // explanations
	getenv func(string) string
	now    func() time.Time
	random io.Reader
	// credentials opens the credentials table of a deployment.
	credentials func(ctx context.Context, table string) (auth.Directory, error)
	// jobs opens the jobs table of a deployment.
	jobs func(ctx context.Context, table string) (openedJobs, error)
	// letters opens the dead-letter queue of a deployment, and its job queue.
	letters func(ctx context.Context, queue, deadLetter string) (letters, error)
	// webhooks opens the webhooks of a deployment; the queues may be "".
	webhooks func(ctx context.Context, table, queue, deadLetter string) (hooks, error)
	// recovery opens what restores tables.
	recovery func(ctx context.Context) (recovery, error)
}

// command is a subcommand or one of its verbs.
type command struct {
	name string
	does string
	run  func(ctx context.Context, op operator, args []string) error
}

var commands = []command{
	{"token", "issue, list and revoke credentials of runners and producers", token},
	{"problem", "check problems and their test data, hand them in", problems},
	{"jobs", "show the oldest open jobs and their holders", jobs},
	{"dead-letter", "show messages that could not be parsed, send them back", deadLetter},
	{"webhook", "announce final jobs to URLs, show what could not be", webhook},
	{"restore", "make a new table of what a table held at a moment; -data: put a backup in the place of a folder", restore},
	{"adopt", "name what a destroyed deployment left, for cdk import", adopt},
	{"backup", "copy the data folder of an embedded server, while it runs or not", backup},
	{"cost", "what a month costs, from counted requests and a list of prices", cost},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, operator{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, now: time.Now, random: rand.Reader,
		credentials: openCredentials, jobs: openJobs, letters: openLetters, webhooks: openWebhooks, recovery: openRecovery,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}

// errUsage means that the command was called wrongly, and that the reason was
// printed.
var errUsage = errors.New("usage")

func run(ctx context.Context, op operator, args []string) (exit int) {
	if len(args) == 1 && (args[0] == "-version" || args[0] == "--version") {
		_, _ = fmt.Fprintln(op.out, version.Line("runlease-ctl"))
		return 0
	}
	err := choose(ctx, op, "ctl", commands, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	_, _ = fmt.Fprintln(op.err, "ctl:", err)
	return 1
}

// choose runs the command that the first argument names.
func choose(ctx context.Context, op operator, path string, from []command, args []string) error {
	end := errUsage
	switch {
	case len(args) == 0:
	case args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help":
		end = flag.ErrHelp
	default:
		for _, c := range from {
			if c.name == args[0] {
				return c.run(ctx, op, args[1:])
			}
		}
		_, _ = fmt.Fprintf(op.err, "%s: there is no %q\n", path, args[0])
	}
	_, _ = fmt.Fprintf(op.err, "usage: %s <command> [flags]\n", path)
	for _, c := range from {
		_, _ = fmt.Fprintf(op.err, "  %-12s %s\n", c.name, c.does)
	}
	return end
}

// flags is an empty set of flags of a command.
func (op operator) flags(path string) *flag.FlagSet {
	f := flag.NewFlagSet(path, flag.ContinueOnError)
	f.SetOutput(op.err)
	return f
}

// parse reads flags, and nothing but flags.
func parse(f *flag.FlagSet, args []string) error {
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage // the flag set has said why
	}
	if f.NArg() > 0 {
		return misuse(f, "unexpected argument %q", f.Arg(0))
	}
	return nil
}

// misuse tells what is wrong with the flags.
func misuse(f *flag.FlagSet, format string, args ...any) error {
	_, _ = fmt.Fprintf(f.Output(), f.Name()+": "+format+"\n", args...)
	f.Usage()
	return errUsage
}
