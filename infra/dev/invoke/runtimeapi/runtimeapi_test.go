package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"runlease/infra/dev/invoke/runtimeapi"
)

// The test binary is its own function: with BEHAVE set it behaves like one.
func TestMain(m *testing.M) {
	switch os.Getenv("BEHAVE") {
	case "":
		os.Exit(m.Run())
	case "missing":
		fmt.Println(`{"message":"no configuration"}`)
		os.Exit(3)
	}
	lambda.Start(func(_ context.Context, event map[string]string) (map[string]string, error) {
		fmt.Println("saw " + event["do"])
		switch event["do"] {
		case "fail":
			return nil, errors.New("refused")
		case "die":
			os.Exit(4)
		case "sleep":
			time.Sleep(time.Minute)
		}
		return map[string]string{"do": event["do"], "own": os.Getenv("OWN"), "shell": os.Getenv("HOME")}, nil
	})
}

func start(t *testing.T, behave string, timeout time.Duration) (*runtimeapi.Process, error) {
	t.Helper()
	p, err := runtimeapi.Start(t.Context(), runtimeapi.Function{
		Bootstrap: os.Args[0], Name: "under-test", Timeout: timeout, Env: map[string]string{"BEHAVE": behave, "OWN": "value"},
	})
	if err == nil {
		t.Cleanup(func() { p.Stop() })
	}
	return p, err
}

func TestInvoke(t *testing.T) {
	p, err := start(t, "well", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"this", "that"} {
		reply, err := p.Invoke(t.Context(), runtimeapi.Event{Payload: []byte(`{"do":"` + do + `"}`)})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(reply.Payload, &got); err != nil {
			t.Fatal(err)
		}
		if got["do"] != do || got["own"] != "value" || got["shell"] != "" {
			t.Errorf("got %v", got)
		}
		if reply.Failed || reply.Took <= 0 || strings.TrimSpace(reply.Log) != "saw "+do {
			t.Errorf("reply %+v", reply)
		}
	}
	reply, err := p.Invoke(t.Context(), runtimeapi.Event{Payload: []byte(`{"do":"fail"}`)})
	if err != nil || !reply.Failed || !strings.Contains(string(reply.Payload), "refused") {
		t.Errorf("got %+v, %v; want a failure", reply, err)
	}
	if _, err := p.Invoke(t.Context(), runtimeapi.Event{Payload: []byte(`{"do":"die"}`)}); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v, want its exit status", err)
	}
	if cpu := p.Stop(); cpu <= 0 || cpu > 10*time.Second {
		t.Errorf("CPU time %s", cpu)
	}
}

func TestInvokeGivesUpInTime(t *testing.T) {
	p, err := start(t, "well", 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Invoke(t.Context(), runtimeapi.Event{Payload: []byte(`{"do":"sleep"}`)}); err == nil || !strings.Contains(err.Error(), "Task timed out after 0.20 seconds") {
		t.Errorf("got %v", err)
	}
}

func TestStartSaysWhatTheFunctionWrote(t *testing.T) {
	_, err := start(t, "missing", 0)
	if err == nil || !strings.Contains(err.Error(), "no configuration") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}
