// Package flagenv lets the flags of a program come from the environment.
package flagenv

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// Name is the variable of a flag: -cache-mb of RUNNER is RUNNER_CACHE_MB. That of
// -url is the same for all programs.
func Name(prefix, flagName string) string {
	if flagName == "url" {
		return "RUNLEASE_URL"
	}
	return prefix + "_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Set sets flags that were not given from the environment. Flags that say what to do,
// and not how, are left out.
func Set(flags *flag.FlagSet, prefix string, without ...string) error {
	given := map[string]bool{}
	for _, name := range without {
		given[name] = true
	}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		name := Name(prefix, f.Name)
		value := os.Getenv(name)
		if value == "" || given[f.Name] {
			return
		}
		if fault := f.Value.Set(value); fault != nil {
			err = errors.Join(err, fmt.Errorf("%s is %q: want what -%s takes: %w", name, value, f.Name, fault))
		}
	})
	return err
}
