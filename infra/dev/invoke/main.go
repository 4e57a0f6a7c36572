// Command invoke runs saved events on the real functions: each built bootstrap
// is a process on this machine, under a small Lambda Runtime API, with
// throwaway tables, queues and a bucket on LocalStack.
//
//	invoke claim-job ok       one event: its reply, log, AWS calls and duration
//	invoke -all               every event of every function
//	invoke -start             the CPU time that each function takes to start
//
// It exits with 1 if a reply or its effect is not as the event's .want.json says.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"runlease/infra/dev/invoke/saved"
)

func main() {
	all := flag.Bool("all", false, "run every event of every function")
	start := flag.Bool("start", false, "measure the start of every function; LocalStack is not needed")
	asJSON := flag.Bool("json", false, "with -start: print a list of JSON, and succeed whatever it says")
	times := flag.Int("times", 21, "how often to start each function")
	binaries := flag.String("functions", filepath.Join("build", "functions", runtime.GOARCH), "folder of the built functions")
	events := flag.String("events", "events", "folder of the events")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: invoke [flags] <function> <event> | -all | -start")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *start && flag.NArg() == 0:
		err = measureStarts(ctx, os.Stdout, *binaries, *times, *asJSON)
	case *all && flag.NArg() == 0:
		err = invokeAll(ctx, os.Stdout, *binaries, *events)
	case flag.NArg() == 2:
		err = invokeOne(ctx, os.Stdout, *binaries, *events, flag.Arg(0), flag.Arg(1))
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "invoke:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

var errDiffers = errors.New("not as wanted")

// invokeOne runs one event and shows all there is to see.
func invokeOne(ctx context.Context, out io.Writer, binaries, events, function, name string) (err error) {
	c, err := saved.Read(os.DirFS(events), function, name)
	if err != nil {
		return err
	}
	s, err := newSession(ctx, binaries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	for _, step := range c.Want.Given {
		fmt.Fprintln(out, "given    ", step)
	}
	o, err := s.run(ctx, c)
	if err != nil {
		return err
	}
	for line := range strings.Lines(o.reply.Log) {
		fmt.Fprint(out, "log       ", line)
	}
	for _, call := range o.calls {
		fmt.Fprintln(out, "aws      ", call)
	}
	fmt.Fprintln(out, "reply    ", pretty(o.reply.Payload))
	fmt.Fprintf(out, "took      %.1f ms\n", float64(o.reply.Took.Microseconds())/1000)
	return verdict(out, o)
}

func verdict(out io.Writer, o outcome) error {
	if len(o.differences) == 0 {
		fmt.Fprintln(out, "result    as wanted")
		return nil
	}
	for _, difference := range o.differences {
		fmt.Fprintln(out, "differs  ", difference)
	}
	return errDiffers
}

// pretty indents a reply; its body is shown as the JSON that it is.
func pretty(reply []byte) string {
	decoded, err := saved.Decode(reply)
	if err != nil {
		return string(reply)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("          ", "  ")
	if err := encoder.Encode(decoded); err != nil {
		return string(reply)
	}
	return strings.TrimSpace(text.String())
}

// invokeAll runs every event, with a line for each.
func invokeAll(ctx context.Context, out io.Writer, binaries, events string) (err error) {
	cases, err := saved.All(os.DirFS(events))
	if err != nil {
		return err
	}
	s, err := newSession(ctx, binaries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	started, failed := time.Now(), 0
	for _, c := range cases {
		o, err := s.run(ctx, c)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			o.differences = []string{err.Error()}
		}
		mark := "ok  "
		if len(o.differences) > 0 {
			mark = "FAIL"
			failed++
		}
		fmt.Fprintf(out, "%s %-40s %7.1f ms\n", mark, c, float64(o.reply.Took.Microseconds())/1000)
		for _, difference := range o.differences {
			fmt.Fprintln(out, "        ", difference)
		}
	}
	fmt.Fprintf(out, "%d events of %d functions in %.0f s, %d not as wanted\n", len(cases), len(s.running), time.Since(started).Seconds(), failed)
	if failed > 0 {
		return errDiffers
	}
	return nil
}
