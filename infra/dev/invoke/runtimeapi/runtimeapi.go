// Package runtimeapi runs a Lambda's bootstrap as a process on this machine and
// plays the Lambda Runtime API to it: no container. There is no isolation of any
// kind: it is for a project's own functions.
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
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	version = "/2018-06-01/runtime/"
	// startTime is how long Lambda waits for a function to ask for its first event.
	startTime = 10 * time.Second
	// endTime lies between SIGTERM and SIGKILL when a function is stopped.
	endTime = 2 * time.Second
	// maxReply is the largest reply that Lambda takes, in bytes: 6 MB and its own
	// allowance.
	maxReply = 6<<20 + 100
)

// Function is what to run.
type Function struct {
	Bootstrap string            // path of the executable, which runs in its folder
	Name      string            // AWS_LAMBDA_FUNCTION_NAME
	Env       map[string]string // the function's own; nothing of this process's environment gets through
	Timeout   time.Duration     // of one invocation; 0: 15 s
	Log       io.Writer         // gets what the function wrote, in one piece after each invocation; nil: nothing does
}

// Event is what a function is invoked with. An empty ID, ARN or Trace is made up.
type Event struct {
	ID, ARN, Trace string
	Payload        []byte
}

// Reply is how an invocation ended.
type Reply struct {
	Payload []byte // what the function returned, or its error
	Failed  bool   // the function returned an error
	Took    time.Duration
	Log     string // the lines that it wrote meanwhile
}

// Fault is the error of a function that did not answer, in Lambda's words: it did
// not start, it exited, or its time was over.
type Fault struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	Log     string `json:"-"` // the lines that it wrote meanwhile
}

func (f *Fault) Error() string { return f.Type + ": " + f.Message + ": " + f.Log }

// ErrGone is returned by Invoke if the process ended before it took the event.
var ErrGone = errors.New("the function has ended since its last event")

// Process is a function that has started and waits for events. It takes one at
// a time.
type Process struct {
	function Function
	server   *http.Server
	command  *exec.Cmd
	end      context.CancelFunc
	log      *os.File
	logged   int64 // bytes of the log that were handed out

	ready  chan struct{} // one for every GET next
	unfit  chan []byte   // the error of its start
	events chan *invocation
	exited chan struct{} // closed after Wait

	mu      sync.Mutex
	current *invocation // not answered yet
}

type invocation struct {
	Event
	deadline time.Time
	answered chan Reply // of one
}

// Start runs a function and returns when it asks for its first event. It returns
// a Fault if the function does not.
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
		unfit:    make(chan []byte, 1),
		events:   make(chan *invocation),
		exited:   make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: time.Minute}
	go p.server.Serve(listener) //nolint:errcheck // ends with the process
	if err := p.launch(context.WithoutCancel(ctx), listener.Addr().String()); err != nil {
		p.server.Close()
		return nil, err
	}
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	var fault *Fault
	select {
	case <-p.ready:
		return p, nil
	case <-p.exited:
		fault = p.exit()
	case text := <-p.unfit:
		fault = &Fault{Type: "Runtime.InitError", Message: string(text)}
	case <-timer.C:
		fault = &Fault{Type: "Sandbox.Timedout", Message: fmt.Sprintf("Init phase timed out after %.2f seconds", startTime.Seconds())}
	case <-ctx.Done():
		fault = &Fault{Type: "Sandbox.Failure", Message: ctx.Err().Error()}
	}
	p.kill(fault)
	return nil, fault
}

// launch starts the process with the environment that Lambda would give it. Its
// output goes to a file, so that what it has written is there when it answers.
func (p *Process) launch(ctx context.Context, address string) error {
	bootstrap, err := filepath.Abs(p.function.Bootstrap)
	if err != nil {
		return fmt.Errorf("find bootstrap: %w", err)
	}
	if p.log, err = os.CreateTemp("", "runlease-invoke-*.log"); err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	os.Remove(p.log.Name()) // it lives while it is open
	folder := filepath.Dir(bootstrap)
	env := []string{
		"AWS_LAMBDA_FUNCTION_NAME=" + p.function.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8", "TZ=:UTC", "PATH=/usr/local/bin:/usr/bin:/bin",
	}
	for name, value := range p.function.Env {
		env = append(env, name+"="+value)
	}
	env = append(env, "AWS_LAMBDA_RUNTIME_API="+address, "LAMBDA_TASK_ROOT="+folder)
	ctx, p.end = context.WithCancel(ctx)
	for try := 0; ; try++ {
		p.command = exec.CommandContext(ctx, bootstrap)
		p.command.Dir, p.command.Env = folder, env
		p.command.Stdout, p.command.Stderr = p.log, p.log
		p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
		p.command.WaitDelay = endTime
		// A process that was forked while the file was unpacked holds it open for writing, for a moment.
		if err = p.command.Start(); !errors.Is(err, syscall.ETXTBSY) || try == 20 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		p.end()
		p.log.Close()
		return &Fault{Type: "Runtime.InvalidEntrypoint", Message: fmt.Sprintf("bootstrap does not run on %s/%s: %v", runtime.GOOS, runtime.GOARCH, err)}
	}
	go func() {
		p.command.Wait() //nolint:errcheck // how it ended is in ProcessState
		close(p.exited)
		p.server.Close()
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
			h.Set("Lambda-Runtime-Aws-Request-Id", i.ID)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", i.ARN)
			h.Set("Lambda-Runtime-Trace-Id", i.Trace)
			w.Write(i.Payload) //nolint:errcheck // the process has ended
		case <-r.Context().Done():
		}
	})
	end := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			payload, err := io.ReadAll(io.LimitReader(r.Body, maxReply+1))
			if err == nil {
				_, err = io.Copy(io.Discard, r.Body)
			}
			reply, taken, refused := Reply{Payload: payload, Failed: failed}, http.StatusAccepted, http.StatusBadRequest
			if len(payload) > maxReply {
				text := fmt.Sprintf(`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes)."}`, maxReply)
				reply, taken = Reply{Payload: []byte(text), Failed: true}, http.StatusRequestEntityTooLarge
			}
			// Half an answer, of a process that was killed while it sent it, is none.
			if err != nil || !p.answer(r.PathValue("id"), reply) {
				taken = refused
			}
			w.WriteHeader(taken)
		}
	}
	mux.HandleFunc("POST "+version+"invocation/{id}/response", end(false))
	mux.HandleFunc("POST "+version+"invocation/{id}/error", end(true))
	mux.HandleFunc("POST "+version+"init/error", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(io.LimitReader(r.Body, maxReply)) // what there is of it
		select {
		case p.unfit <- text:
		default:
		}
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// answer reports whether the event with this id waited for an answer.
func (p *Process) answer(id string, reply Reply) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.current
	if i == nil || i.ID != id {
		return false
	}
	p.current = nil
	i.answered <- reply
	return true
}

// Invoke hands the function an event and returns its reply when it asks for the
// next one: only then has Lambda's invocation ended. It returns a Fault if the
// process died or did not answer in time, and ErrGone if it never saw the event.
// After an error the process is of no use any more.
func (p *Process) Invoke(ctx context.Context, e Event) (Reply, error) {
	if e.ID == "" {
		e.ID = rand.Text()
	}
	if e.ARN == "" {
		e.ARN = "arn:aws:lambda:us-east-1:123456789012:function:" + p.function.Name
	}
	if e.Trace == "" {
		e.Trace = "Root=1-00000000-000000000000000000000000;Sampled=0"
	}
	started := time.Now()
	i := &invocation{e, started.Add(p.function.Timeout), make(chan Reply, 1)}
	p.mu.Lock()
	p.current = i
	p.mu.Unlock()
	timeout := time.NewTimer(p.function.Timeout)
	defer timeout.Stop()
	var reply Reply
	var fault *Fault
	events, asks := p.events, chan struct{}(nil)
	for fault == nil {
		select {
		case events <- i:
			events = nil
		case reply = <-i.answered:
			reply.Took, asks = time.Since(started), p.ready
		case <-asks:
			reply.Log = p.takeLog()
			return reply, nil
		case <-p.exited:
			switch {
			case events != nil:
				return Reply{}, ErrGone
			case asks != nil: // it may end after its reply
				reply.Log = p.takeLog()
				return reply, nil
			case p.waits(i): // else its reply is on the way
				fault = p.exit()
			}
		case <-timeout.C:
			fault = &Fault{Type: "Sandbox.Timedout", Message: fmt.Sprintf("Task timed out after %.2f seconds", p.function.Timeout.Seconds())}
		case <-ctx.Done():
			fault = &Fault{Type: "Sandbox.Failure", Message: ctx.Err().Error()}
		}
	}
	fault.Message = "RequestId: " + i.ID + " Error: " + fault.Message
	p.kill(fault)
	return Reply{}, fault
}

// waits reports whether the event has no answer.
func (p *Process) waits(i *invocation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current == i
}

func (p *Process) exit() *Fault {
	return &Fault{Type: "Runtime.ExitError", Message: "Runtime exited with error: " + p.command.ProcessState.String()}
}

// kill ends the process at once and notes what it wrote.
func (p *Process) kill(f *Fault) {
	p.command.Process.Kill() //nolint:errcheck // it has ended
	<-p.exited
	f.Log = p.takeLog()
	p.Stop()
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
	if p.function.Log != nil {
		p.function.Log.Write(fresh[:n]) //nolint:errcheck // a log that cannot be written ends no function
	}
	return string(fresh[:n])
}

// Stop ends the process, by force if it does not end when it is told to, and
// returns the CPU time that it has used, user and system.
func (p *Process) Stop() time.Duration {
	p.end()
	<-p.exited
	p.takeLog()
	p.log.Close()
	return p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
}
