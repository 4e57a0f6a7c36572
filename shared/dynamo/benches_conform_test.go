package dynamo_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
	"runlease/shared/dynamo"
	"runlease/shared/testkit/benchtest"
	"runlease/shared/testkit/canned"
	"runlease/shared/testkit/storetest"
)

// TestBenchesConform is about the calls; the suite of LocalStack is about DynamoDB.
func TestBenchesConform(t *testing.T) {
	benchtest.Run(t, func(t *testing.T) dispatch.Benches { return onCanned(t).Benches() })
}

// TestConnectionsAreCounted: there are three at most, a connection that its runner replaces is
// let in beside, and a connection whose end was not told does not count for ever.
func TestConnectionsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		benches := onCanned(t).Benches()
		enters := func(runner string, want bool) {
			t.Helper()
			admitted, err := benches.Admit(t.Context(), runner, 3)
			if err != nil || admitted != want {
				t.Fatalf("%s is let in: %v, %v, want %v", runner, admitted, err, want)
			}
			if admitted {
				if _, _, err := benches.Join(t.Context(), doorbell.Listener{Connection: runner + "=", Runner: runner}); err != nil {
					t.Fatal(err)
				}
			}
		}
		ends := func(runner string) {
			t.Helper()
			if _, err := benches.Part(t.Context(), runner+"="); err != nil {
				t.Fatal(err)
			}
		}
		for _, runner := range []string{"a", "b", "c"} {
			enters(runner, true)
			time.Sleep(7 * time.Minute)
		}
		enters("d", false)
		ends("a")
		ends("a") // told twice
		enters("d", true)
		enters("e", false)
		enters("d", true)
		ends("b")
		ends("c")
		enters("e", true) // the connection that d replaced is counted still
		enters("f", false)
		time.Sleep(2 * time.Hour) // the ends of all get lost
		enters("f", false)
		time.Sleep(time.Hour)
		for _, runner := range []string{"f", "g", "h"} {
			enters(runner, true)
		}
		enters("i", false)
	})
}

func TestRosterConforms(t *testing.T) {
	storetest.Roster(t, func(t *testing.T) dispatch.Roster { return onCanned(t) })
}

// TestFinalConforms is about the keys of the index, as the others are about the calls.
func TestFinalConforms(t *testing.T) {
	storetest.Part(t, "final/", func(t *testing.T) dispatch.Store { return onCanned(t) })
}

func onCanned(t *testing.T) *dynamo.Store {
	t.Helper()
	backend := canned.New(time.Now)
	backend.AddTables(dynamo.Tables{Doorbell: "doorbell", Fleet: "fleet", Jobs: "jobs"})
	cfg, err := awsclient.FromEnv(func(string) string { return "x" })
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint, cfg.ConfigSources = nil, nil
	cfg.HTTPClient = &http.Client{Transport: backend}
	return dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Doorbell: "doorbell", Fleet: "fleet", Jobs: "jobs"})
}
