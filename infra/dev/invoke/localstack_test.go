//go:build localstack

package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/dev/invoke/record"
	"runlease/infra/dev/invoke/runtimeapi"
	"runlease/infra/dev/invoke/saved"
	"runlease/infra/grants"
)

const root = "../../.."

// binaries are the functions as `make build` leaves them, for this machine.
func binaries() string { return filepath.Join(root, "build", "functions", runtime.GOARCH) }

func open(t *testing.T) *session {
	t.Helper()
	s, err := newSession(t.Context(), binaries())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// seldom is what functions need and one event does not make them call: the record of a
// runner is written by whichever process hears it first in five minutes, jobs are read
// after ten claims without a word, and the sweep writes records of lost leases. The
// calls are measured in shared/testkit/measure.
var seldom = map[string][]string{
	"list-jobs":  {"dynamodb:UpdateItem on fleet"},
	"claim-job":  {"dynamodb:BatchGetItem on jobs"},
	"sync":       {"dynamodb:UpdateItem on fleet"},
	"heartbeat":  {"dynamodb:UpdateItem on fleet"},
	grants.Sweep: {"dynamodb:GetItem on fleet", "dynamodb:UpdateItem on fleet"},
}

// TestEventsAndGrants runs every event on the real functions. What they were
// seen to do on AWS is what they are granted, no less and no more.
func TestEventsAndGrants(t *testing.T) {
	cases, err := saved.All(os.DirFS(filepath.Join(root, "events")))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t)
	seen := map[string]map[record.Call]bool{}
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			o, err := s.run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, difference := range o.differences {
				t.Error(difference)
			}
			if t.Failed() {
				t.Log(o.reply.Log)
			}
			if seen[functionOf(c.Function)] == nil {
				seen[functionOf(c.Function)] = map[record.Call]bool{}
			}
			for _, call := range o.calls {
				seen[functionOf(c.Function)][call] = true
			}
		})
	}
	if t.Failed() {
		return // what did not run made no calls
	}
	for function, granted := range grants.WithoutDoorbell() {
		if function == grants.Announce || function == grants.HoldPools {
			continue // a stream and CloudFormation start them, not an event of a route
		}
		t.Run("grants of "+function, func(t *testing.T) {
			var want, got []string
			for _, g := range granted {
				for _, action := range g.Actions {
					want = append(want, record.Call{Action: action, Resource: g.Resource}.String())
				}
			}
			for call := range seen[function] {
				got = append(got, call.String())
			}
			want = slices.DeleteFunc(want, func(call string) bool {
				return slices.Contains(seldom[function], call) && !slices.Contains(got, call)
			})
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-granted +called:\n%s", diff)
			}
		})
	}
}

// TestAMissingVariableFailsTheStartByItsName starts every function without each
// of its variables, and with each of them empty.
func TestAMissingVariableFailsTheStartByItsName(t *testing.T) {
	for function, granted := range grants.WithoutDoorbell() { // which is optional
		complete := map[string]string{
			"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		}
		needed := []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
		for _, name := range grants.Env(granted) {
			complete[name] = "http://127.0.0.1/" + name
			needed = append(needed, name)
		}
		start := func(env map[string]string) error {
			p, err := runtimeapi.Start(t.Context(), runtimeapi.Function{
				Bootstrap: filepath.Join(binaries(), function, "bootstrap"), Name: function, Env: env,
			})
			if err == nil {
				p.Stop()
			}
			return err
		}
		if err := start(complete); err != nil {
			t.Errorf("%s does not start with all it needs: %v", function, err)
		}
		for _, missing := range needed {
			for _, empty := range []bool{false, true} {
				env := map[string]string{}
				for name, value := range complete {
					if name != missing {
						env[name] = value
					} else if empty {
						env[name] = ""
					}
				}
				err := start(env)
				if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "exit status 1") {
					t.Errorf("%s without %s (empty %v): %v", function, missing, empty, err)
				}
			}
		}
	}
}

// TestBinariesAreStrippedAndStatic looks at the functions as they are deployed,
// for every architecture that has been built.
func TestBinariesAreStrippedAndStatic(t *testing.T) {
	arches, err := filepath.Glob(filepath.Join(root, "build", "functions", "*"))
	if err != nil || len(arches) == 0 {
		t.Fatalf("no built functions (make build): %v", err)
	}
	for _, arch := range arches {
		for _, function := range grants.Functions() {
			path := filepath.Join(arch, function, "bootstrap")
			faults, err := inspect(path)
			if err != nil {
				t.Error(err)
			}
			for _, fault := range faults {
				t.Errorf("%s %s", path, fault)
			}
			if info, err := os.Stat(path); err == nil {
				t.Logf("%6.2f MB  %s/%s", float64(info.Size())/1e6, filepath.Base(arch), function)
			}
		}
	}
}
