package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"runlease/infra/dev/invoke/emulator"
	"runlease/infra/dev/invoke/given"
	"runlease/infra/dev/invoke/record"
	"runlease/infra/dev/invoke/runtimeapi"
	"runlease/infra/dev/invoke/saved"
	"runlease/infra/grants"
	"runlease/shared/api"
	"runlease/shared/deployment"
)

// session runs events on real bootstraps, each started once, against a
// throwaway deployment.
type session struct {
	binaries   string // folder with <function>/bootstrap
	deployment *emulator.Deployment
	world      *given.World
	names      record.Names
	recorder   *record.Recorder
	endpoint   string // of the recorder
	server     *http.Server
	running    map[string]*runtimeapi.Process
}

func newSession(ctx context.Context, binaries string) (*session, error) {
	deployment, err := emulator.Deploy(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	s := &session{binaries: binaries, deployment: deployment, running: map[string]*runtimeapi.Process{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// open starts the recorder between the functions and the emulator.
func (s *session) open(ctx context.Context) error {
	var err error
	if s.world, err = s.deployment.World(ctx); err != nil {
		return err
	}
	target, err := url.Parse(s.deployment.Endpoint())
	if err != nil {
		return fmt.Errorf("read AWS_ENDPOINT_URL: %w", err)
	}
	d := s.deployment
	s.names = record.Names{
		Jobs: d.Tables.Jobs, Problems: d.Tables.Problems, Credentials: d.Tables.Credentials, Fleet: d.Tables.Fleet,
		Queue: d.Queue, DeadLetter: d.DeadLetter, Bucket: d.Bucket,
	}
	s.recorder = record.New(target, s.names)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("record calls: %w", err)
	}
	s.endpoint = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: s.recorder, ReadHeaderTimeout: time.Minute}
	go s.server.Serve(listener) //nolint:errcheck // ends with close
	return nil
}

// close stops every function and removes the deployment.
func (s *session) close(ctx context.Context) error {
	for _, p := range s.running {
		p.Stop()
	}
	if s.server != nil {
		s.server.Close()
	}
	return s.deployment.Remove(ctx)
}

// env is a function's environment: what its grants name, and no more. LocalStack
// has no WebSocket API, so there is no doorbell.
func (s *session) env(name string) map[string]string {
	return s.deployment.Env(grants.WithoutDoorbell()[name], s.endpoint)
}

// functionOf is the function that serves a route; the functions that no route leads
// to have folders of events too.
func functionOf(folder string) string {
	for _, r := range api.Routes() {
		if r.Name == folder {
			return r.Function
		}
	}
	return folder
}

func (s *session) function(name string) runtimeapi.Function {
	return runtimeapi.Function{
		Bootstrap: filepath.Join(s.binaries, name, "bootstrap"), Name: "runlease-invoke-" + name, Env: s.env(name),
		Timeout: deployment.SizeOf(name).Timeout,
	}
}

// process is the running function, started by its first event.
func (s *session) process(ctx context.Context, name string) (*runtimeapi.Process, error) {
	if p, runs := s.running[name]; runs {
		return p, nil
	}
	f := s.function(name)
	if _, err := os.Stat(f.Bootstrap); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: build it with `make %s`", f.Bootstrap, f.Bootstrap)
	}
	p, err := runtimeapi.Start(ctx, f)
	if err != nil {
		return nil, err
	}
	s.running[name] = p
	return p, nil
}

// outcome is what an event led to.
type outcome struct {
	reply       runtimeapi.Reply
	calls       []record.Call // that the function made, and that its presigned URLs allow
	differences []string      // from what was wanted
}

// run prepares what a case is given, invokes its function and looks at the
// effect.
func (s *session) run(ctx context.Context, c saved.Case) (outcome, error) {
	if err := s.deployment.Wipe(ctx); err != nil {
		return outcome{}, err
	}
	// A world remembers the records of runners, which are gone.
	world, err := s.deployment.World(ctx)
	if err != nil {
		return outcome{}, err
	}
	s.world = world
	if err := s.world.Prepare(ctx, c.Want.Given); err != nil {
		return outcome{}, err
	}
	event, err := c.Fill(s.world.Values)
	if err != nil {
		return outcome{}, err
	}
	name := functionOf(c.Function)
	p, err := s.process(ctx, name)
	if err != nil {
		return outcome{}, err
	}
	s.recorder.Take()
	var o outcome
	if o.reply, err = p.Invoke(ctx, runtimeapi.Event{Payload: event}); err != nil {
		p.Stop()
		delete(s.running, name)
		return outcome{}, err
	}
	o.calls = s.recorder.Take()
	if decoded, err := saved.Decode(o.reply.Payload); err == nil {
		o.calls = append(o.calls, s.names.Presigned(decoded)...)
	}
	if o.reply.Failed {
		o.differences = []string{fmt.Sprintf("the function failed: %s", o.reply.Payload)}
		return o, nil
	}
	o.differences = c.Want.Compare(o.reply.Payload)
	if c.Want.Then != nil {
		more, err := s.world.Look(ctx, *c.Want.Then)
		if err != nil {
			return outcome{}, err
		}
		o.differences = append(o.differences, more...)
	}
	return o, nil
}
