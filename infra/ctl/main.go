// Command ctl is the operator's command: what is done to a deployment from
// beside the API, with the operator's own AWS credentials.
//
//	go run ./infra/ctl token issue|list|revoke       credentials of runners and producers
//	go run ./infra/ctl problem check|put|publish|show|list|versions|download  problems and their test data, by a producer's token
//	go run ./infra/ctl jobs                          the oldest open jobs and their holders
//	go run ./infra/ctl pools|demand|disputes         how the pools stand, how many slots they need, verdicts that a late result denies
//	go run ./infra/ctl runner NAME ACT -why TEXT     pause, resume, drain, retire, quarantine or release a runner
//	go run ./infra/ctl pause|resume -why TEXT        give out no jobs, of -pool or -problem or at all; again
//	go run ./infra/ctl rejudge -problem N -why TEXT  judge the final jobs of a problem again, or those with a -status
//	go run ./infra/ctl rejudges                      how far rejudges of many have come
//	go run ./infra/ctl audit                         what operators did, and why
//	go run ./infra/ctl runners                       the runners, what they report and whether they get jobs
//	go run ./infra/ctl explain|timeline JOB          why a job has no verdict yet; what has happened to it
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
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"runlease/shared/auth"
	"runlease/shared/producer"
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
	// letters opens the dead-letter queue of a deployment, and the queues of its pools.
	letters func(ctx context.Context, pools map[string]string, deadLetter string) (letters, error)
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
	{"pools", "show how many jobs wait and run in each pool, and for how long", pools},
	{"disputes", "show jobs whose verdict a late result denies", disputes},
	{"demand", "say how many slots a pool needs for what waits", demand},
	{"runners", "show the runners, what they report and whether they get jobs", runners},
	{"runner", "pause, resume, drain, retire, quarantine or release a runner", steerRunner},
	{"pause", "give out no jobs, or none of a pool or a problem", pauseJobs},
	{"resume", "end a pause", resumeJobs},
	{"rejudge", "judge the final jobs of a problem again, or those with a status", rejudgeMany},
	{"rejudges", "show how far rejudges of many have come", rejudges},
	{"audit", "show what operators did, and why", audit},
	{"explain", "say why a job has no verdict yet, and what can be done", explain},
	{"timeline", "show what has happened to a job", timeline},
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
	op.out, op.err = printable{op.out}, printable{op.err}
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
	if refusal, is := errors.AsType[*producer.Refusal](err); is && refusal.Status == http.StatusUnauthorized {
		_, _ = fmt.Fprintln(op.err, "the API does not take the token of -token-file or $"+producerTokenEnv+": it wants one of the kind producer that is neither expired nor revoked; ctl token list shows what there are")
	}
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

// flags is an empty set of flags of a command; beside names what it takes beside them.
func (op operator) flags(path string, beside ...string) *flag.FlagSet {
	f := flag.NewFlagSet(path, flag.ContinueOnError)
	f.SetOutput(op.err)
	f.Usage = func() {
		_, _ = fmt.Fprintln(op.err, "usage:", strings.Join(append([]string{path}, beside...), " "), "[flags]")
		f.PrintDefaults()
	}
	return f
}

// parse reads flags, and nothing but flags.
func parse(f *flag.FlagSet, args []string) error {
	words, err := operands(f, args)
	if err == nil && len(words) > 0 {
		return misuse(f, "unexpected argument %q", words[0])
	}
	return err
}

// parseOne reads flags and one argument.
func parseOne(f *flag.FlagSet, args []string, what string) (string, error) {
	words, err := operands(f, args)
	switch {
	case err != nil:
		return "", err
	case len(words) == 0:
		return "", misuse(f, "%s is missing", what)
	case len(words) > 1:
		return "", misuse(f, "want one argument, %s: unexpected argument %q", what, words[1])
	}
	return words[0], nil
}

// operands reads flags and returns what stands before, between and behind them.
func operands(f *flag.FlagSet, args []string) (words []string, err error) {
	for {
		switch err := f.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, errUsage // the flag set has said why
		case f.NArg() == 0:
			return words, nil
		}
		words, args = append(words, f.Arg(0)), f.Args()[1:]
	}
}

// misuse tells what is wrong with the flags.
func misuse(f *flag.FlagSet, format string, args ...any) error {
	_, _ = fmt.Fprintf(f.Output(), f.Name()+": "+format+"\n", args...)
	f.Usage()
	return errUsage
}
