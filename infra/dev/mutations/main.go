// Command mutations takes guards out of the code, one at a time, and shows that
// a test fails for each. The tree stays as it is: the changed file reaches the
// compiler as an overlay. A guard whose removal no test notices is not guarded
// by anything, and neither is the next change of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	if dir := os.Getenv(reuseIn); dir != "" && len(os.Args) > 1 {
		os.Exit(compile(dir, os.Args[1], os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
	}
	os.Exit(code)
}

// run prints the table and returns the exit code: 1 if a guard could be removed
// unseen, 2 if the question could not be answered.
func run(ctx context.Context, args []string, stdout io.Writer) (int, error) {
	flags := flag.NewFlagSet("mutations", flag.ContinueOnError)
	only := flags.String("only", "", "make only the mutations whose names this regular expression matches")
	list := flags.Bool("list", false, "list them, make none")
	parallel := flags.Int("parallel", 2, "how many to make at once")
	limit := flags.Duration("timeout", 3*time.Minute, "of each command, compilation included")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return 2, err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return 2, fmt.Errorf("read -only: %w", err)
	}
	chosen := choose(mutations(), pattern)
	switch {
	case len(chosen) == 0:
		return 2, fmt.Errorf("no mutation is called %q", *only)
	case *list:
		for _, m := range chosen {
			fmt.Fprintf(stdout, "%-3s %-67s %s\n", m.keeps, m.name, m.file)
		}
		return 0, nil
	}
	l := lab{root: root, limit: *limit, parallel: max(1, *parallel)}
	if l.self, err = os.Executable(); err != nil {
		return 2, err
	}
	if l.reuse, err = os.MkdirTemp("", "mutations-"); err != nil {
		return 2, err
	}
	defer os.RemoveAll(l.reuse)
	return l.examine(ctx, chosen, stdout)
}

// choose keeps the mutations whose names match.
func choose(all []mutation, name *regexp.Regexp) []mutation {
	var chosen []mutation
	for _, m := range all {
		if name.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// moduleRoot is the folder of this module, wherever in it the command is run.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	root := strings.TrimSpace(string(out))
	if root == "" {
		return "", errors.New("find the module: run this inside of it")
	}
	return root, nil
}
