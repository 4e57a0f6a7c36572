// Command environment is one execution environment of a function, for a program
// that plays Lambda and is not written in Go: it reads a line of JSON for each
// wish, first which function to run and then the events, and answers each with
// one. A process that dies is replaced at the next event; the environment stays.
// It ends with its input, after the event under way.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"runlease/infra/dev/invoke/runtimeapi"
)

// maxLog is how much of what one invocation writes is answered, in bytes.
const maxLog = 1 << 20

// function is the first line.
type function struct {
	Bootstrap string            `json:"bootstrap"`
	Name      string            `json:"name"`
	Env       map[string]string `json:"env"`
	Timeout   int               `json:"timeout"` // s
	Log       string            `json:"log"`     // the file that gets what the function writes, unchanged
}

// event is each line after it.
type event struct {
	ID      string `json:"id"`
	ARN     string `json:"arn"`
	Trace   string `json:"trace"`
	Payload string `json:"payload"`
}

// answer is the line that follows each of them.
type answer struct {
	Payload []byte  `json:"payload"` // base64
	Failed  bool    `json:"failed"`
	Log     string  `json:"log"`
	MS      float64 `json:"ms"`
}

// environment is what is answered from. It has no process after a fault.
type environment struct {
	function
	log     *os.File
	process *runtimeapi.Process
}

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "environment:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) (err error) {
	wishes, answers := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	var e environment
	if err := wishes.Decode(&e.function); err != nil {
		return fmt.Errorf("read which function to run: %w", err)
	}
	// Environments of one function share the file: what each adds comes in one piece.
	if e.log, err = os.OpenFile(e.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer e.log.Close()
	for a := e.start(ctx); ; {
		if err := answers.Encode(a); err != nil {
			break // nobody listens
		}
		var v event
		if wishes.Decode(&v) != nil {
			break // there is no more
		}
		a = e.invoke(ctx, v)
	}
	if e.process != nil {
		e.process.Stop()
	}
	return nil
}

func (e *environment) start(ctx context.Context) answer {
	p, err := runtimeapi.Start(ctx, runtimeapi.Function{
		Bootstrap: e.Bootstrap, Name: e.Name, Env: e.Env, Timeout: time.Duration(e.Timeout) * time.Second, Log: e.log,
	})
	if err != nil {
		return failed(err)
	}
	e.process = p
	return answer{}
}

func (e *environment) invoke(ctx context.Context, v event) answer {
	began := time.Now()
	for range 2 {
		if e.process == nil {
			if a := e.start(ctx); a.Failed {
				return a
			}
		}
		reply, err := e.process.Invoke(ctx, runtimeapi.Event{ID: v.ID, ARN: v.ARN, Trace: v.Trace, Payload: []byte(v.Payload)})
		a := answer{Payload: reply.Payload, Failed: reply.Failed, Log: reply.Log}
		if err != nil {
			e.process.Stop()
			e.process = nil
			if errors.Is(err, runtimeapi.ErrGone) {
				continue // died unseen since the last event: a fresh one gets this event
			}
			a = failed(err)
			e.note(v, &a)
		}
		a.Log, a.MS = a.Log[max(0, len(a.Log)-maxLog):], float64(time.Since(began).Microseconds())/1000
		return a
	}
	return failed(&runtimeapi.Fault{Type: "Runtime.ExitError", Message: runtimeapi.ErrGone.Error()})
}

// failed answers with why a function did not.
func failed(err error) answer {
	fault := &runtimeapi.Fault{Type: "Sandbox.Failure", Message: err.Error()}
	errors.As(err, &fault)
	payload, err := json.Marshal(fault)
	if err != nil {
		payload = []byte(err.Error()) // it is two strings
	}
	return answer{Payload: payload, Failed: true, Log: fault.Log}
}

// note adds a line of the platform's own to the log, as JSON, as Lambda does when
// the log format is JSON.
func (e *environment) note(v event, a *answer) {
	var f runtimeapi.Fault
	json.Unmarshal(a.Payload, &f) //nolint:errcheck // it was written by failed
	line, err := json.Marshal(map[string]any{"type": "platform.runtimeDone", "record": map[string]string{
		"requestId": v.ID, "status": "error", "errorType": f.Type, "error": f.Message,
	}})
	if err == nil {
		e.log.Write(append(line, '\n')) //nolint:errcheck // a log that cannot be written ends no function
		a.Log += string(line) + "\n"
	}
}
