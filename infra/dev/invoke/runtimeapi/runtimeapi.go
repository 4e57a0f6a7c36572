// Package runtimeapi runs a Lambda's bootstrap as a process on this machine and
// plays the Lambda Runtime API to it: no container, no emulator.
//
// The API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	version = "/2018-06-01/runtime/"
	// startTime is how long Lambda waits for a function to ask for its first event.
	startTime = 10 * time.Second
	// maxReply is the largest reply that Lambda takes, in bytes.
	maxReply = 6 << 20
)

// Function is what to run.
type Function struct {
	Bootstrap string            // path of the executable
	Name      string            // AWS_LAMBDA_FUNCTION_NAME
	Env       map[string]string // the function's own; nothing else of this process's environment gets through
	Timeout   time.Duration     // of one invocation; 0: 15 s
}

// Reply is how an invocation ended.
type Reply struct {
	Payload []byte // what the function returned, or its error
	Failed  bool   // the function returned an error
	Took    time.Duration
	Log     string // the lines that it wrote meanwhile
}

// Process is a function that has started and waits for events. It takes one at
// a time.
type Process struct {
	function Function
	server   *http.Server
	command  *exec.Cmd
	log      *os.File
	logged   int64 // bytes of the log that were handed out

	ready  chan struct{} // one for every GET next
	events chan invocation
	ended  chan result
	exited chan struct{} // closed after Wait

	stop sync.Once
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
}

type result struct {
	id      string
	payload []byte
	failed  bool
}

// Start runs a function and returns when it asks for its first event. The error
// of one that does not says what it wrote.
func Start(ctx context.Context, f Function) (*Process, error) {
	if f.Timeout == 0 {
		f.Timeout = 15 * time.Second
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the Runtime API: %w", err)
	}
	p := &Process{
		function: f,
		ready:    make(chan struct{}, 1),
		events:   make(chan invocation),
		ended:    make(chan result, 1),
		exited:   make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: time.Minute}
	go p.server.Serve(listener) //nolint:errcheck // ends with Stop
	if err := p.launch(ctx, listener.Addr().String()); err != nil {
		p.server.Close()
		return nil, err
	}
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case <-p.ready:
		return p, nil
	case <-p.exited:
		err = fmt.Errorf("%s ended at its start (%s)", f.Name, p.command.ProcessState)
	case r := <-p.ended:
		err = fmt.Errorf("%s failed at its start: %s", f.Name, r.payload)
	case <-timer.C:
		err = fmt.Errorf("%s did not ask for an event within %s", f.Name, startTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	wrote := strings.TrimSpace(p.takeLog())
	p.Stop()
	return nil, fmt.Errorf("%w: %s", err, wrote)
}

// launch starts the process with the environment that Lambda would give it. Its
// output goes to a file, so that what it has written is there when it answers.
func (p *Process) launch(ctx context.Context, address string) error {
	var err error
	if p.log, err = os.CreateTemp("", "runlease-invoke-*.log"); err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	os.Remove(p.log.Name()) // it lives as long as it is open
	p.command = exec.CommandContext(context.WithoutCancel(ctx), p.function.Bootstrap)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	p.command.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + address,
		"AWS_LAMBDA_FUNCTION_NAME=" + p.function.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8", "TZ=:UTC", "PATH=/usr/local/bin:/usr/bin:/bin",
	}
	for name, value := range p.function.Env {
		p.command.Env = append(p.command.Env, name+"="+value)
	}
	if err := p.command.Start(); err != nil {
		p.log.Close()
		return fmt.Errorf("start %s: %w", p.function.Name, err)
	}
	go func() {
		p.command.Wait() //nolint:errcheck // how it ended is in ProcessState
		close(p.exited)
	}()
	return nil
}

// api is the part of the Runtime API that runtimes use.
func (p *Process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case p.ready <- struct{}{}:
		default:
		}
		select {
		case i := <-p.events:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:"+p.function.Name)
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
			w.Write(i.payload) //nolint:errcheck // the process has ended
		case <-r.Context().Done():
		}
	})
	end := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			payload, err := io.ReadAll(io.LimitReader(r.Body, maxReply+1))
			ended := result{r.PathValue("id"), payload, failed}
			status := http.StatusAccepted
			if err != nil || len(payload) > maxReply {
				ended.payload, ended.failed = []byte(`{"errorType":"Function.ResponseSizeTooLarge"}`), true
				status = http.StatusRequestEntityTooLarge
			}
			w.WriteHeader(status)
			select {
			case p.ended <- ended:
			default: // a second answer to one event
			}
		}
	}
	mux.HandleFunc("POST "+version+"invocation/{id}/response", end(false))
	mux.HandleFunc("POST "+version+"invocation/{id}/error", end(true))
	mux.HandleFunc("POST "+version+"init/error", end(true))
	return mux
}

var errSilent = errors.New("no reply in time")

// Invoke hands the function an event and returns its reply when it asks for the
// next one: only then has Lambda's invocation ended. An error says that the
// process died or did not answer in time; it is of no use any more.
func (p *Process) Invoke(ctx context.Context, event []byte) (Reply, error) {
	started := time.Now()
	deadline := started.Add(p.function.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	i := invocation{rand.Text(), event, deadline}
	select {
	case p.events <- i:
	case <-p.exited:
		return Reply{}, p.died()
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("%s: %w", p.function.Name, errSilent)
	}
	var reply Reply
	for answered := false; !answered; {
		select {
		case r := <-p.ended:
			reply = Reply{Payload: r.payload, Failed: r.failed, Took: time.Since(started)}
			answered = r.id == i.id
		case <-p.exited:
			return Reply{}, p.died()
		case <-ctx.Done():
			return Reply{}, fmt.Errorf("%s: %w: %s", p.function.Name, errSilent, p.takeLog())
		}
	}
	select {
	case <-p.ready:
	case <-p.exited: // it may end after its reply
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("%s: %w", p.function.Name, errSilent)
	}
	reply.Log = p.takeLog()
	return reply, nil
}

func (p *Process) died() error {
	return fmt.Errorf("%s ended (%s): %s", p.function.Name, p.command.ProcessState, p.takeLog())
}

// takeLog returns what was written since the last call.
func (p *Process) takeLog() string {
	info, err := p.log.Stat()
	if err != nil || info.Size() <= p.logged {
		return ""
	}
	fresh := make([]byte, info.Size()-p.logged)
	n, err := p.log.ReadAt(fresh, p.logged)
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	p.logged += int64(n)
	return string(fresh[:n])
}

// Stop kills the process and returns the CPU time that it has used, user and
// system.
func (p *Process) Stop() time.Duration {
	p.stop.Do(func() {
		p.command.Process.Kill() //nolint:errcheck // it has ended
		<-p.exited
		p.server.Close()
		p.log.Close()
	})
	return p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
}
