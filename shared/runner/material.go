package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/unpack"
	"runlease/shared/runner/workdir"
)

// fetches is how often a file is fetched whose bytes are wrong.
const fetches = 3

// judge fetches what a job needs and runs it. A *unpack.Fault is the job's
// fault, any other error ours.
func (r *Runner) judge(ctx context.Context, held claim) ([][]execute.Case, error) {
	dir, err := workdir.Temp(r.Dir, "job-")
	if err != nil {
		return nil, fmt.Errorf("make job directory: %w", err)
	}
	defer func() {
		if err := workdir.Remove(dir); err != nil {
			r.Log.WarnContext(ctx, "what a job left stays", slog.String("job_id", held.ID), slog.Any("error", err))
		}
	}()
	in := execute.Input{
		Language: held.Language, Tasks: held.Meta.Tasks, Rules: held.Meta.Rules,
		SourceDir: filepath.Join(dir, "source"), TestDataDir: filepath.Join(dir, "testdata"),
	}
	for _, sub := range []string{in.SourceDir, in.TestDataDir} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return nil, fmt.Errorf("make job directory: %w", err)
		}
	}

	code := &material{r.Client, held, "code", "code", language.MaxZip, held.Code}
	zip, err := code.get(ctx, func(download) (*os.File, error) {
		file, err := os.Create(filepath.Join(dir, "code.zip"))
		if err != nil {
			return nil, fmt.Errorf("make code file: %w", err)
		}
		if err := code.fetch(ctx, file); err != nil {
			_ = file.Close()
			return nil, err
		}
		return file, nil
	})
	if err != nil {
		return nil, err
	}
	err = unpack.Code(ctx, zip, code.at.Size, in.SourceDir, in.Language, unpack.CodeLimits)
	_ = zip.Close()
	if err != nil {
		return nil, err
	}

	testdata := &material{r.Client, held, "test data", "testdata", casefile.MaxTestData, held.TestData}
	zip, err = testdata.get(ctx, func(d download) (*os.File, error) { return r.Cache.Get(ctx, d.SHA256, testdata.fetch) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = zip.Close() }()
	// Each job gets its own copy, so that what it does to the files stays with it.
	data := unpack.Begin(ctx, zip, testdata.at.Size, in.TestDataDir, in.Tasks, in.Checker.Path(), unpack.TestDataLimits)
	defer data.Stop()
	in.Await = data.Await

	if in.Checker.IsProgram() {
		in.RefereeFile = r.Cache.Compiled(fmt.Sprint(testdata.at.SHA256, " ", in.Checker.Language, " ", in.Checker.Path()))
		defer r.Cache.Trim()
	}
	in.OutputsFile = r.Spool.OutputsFile(result(held, nil))
	cases, err := r.Executor.Run(ctx, in)
	if err == nil {
		err = execute.Check(in.Tasks, cases)
	}
	if err != nil {
		_ = os.Remove(in.OutputsFile)
		return nil, fmt.Errorf("execute: %w", err)
	}
	r.tellFaults(ctx, held, cases)
	return cases, nil
}

// tellFaults logs the first case that could not be judged, for the operator's eyes: the
// problem is at fault, and all its submissions suffer.
func (r *Runner) tellFaults(ctx context.Context, held claim, cases [][]execute.Case) {
	for t := range cases {
		for c, one := range cases[t] {
			if one.Status == execute.JE {
				r.Log.ErrorContext(ctx, "problem cannot be judged", slog.String("job_id", held.ID), slog.Int("problem", held.Problem),
					slog.String("case", execute.CaseName(t, c)), slog.String("reason", one.Reason), slog.String("stderr", one.Stderr[:min(len(one.Stderr), 2000)]))
				return
			}
		}
	}
}

// material is a file that a job needs.
type material struct {
	client *Client
	held   claim
	what   string
	route  string    // that says where it is
	max    int64     // bytes
	at     *download // nil: not known
}

// get has the file opened by open, which may call fetch; a few times if what
// comes is not what was promised.
func (m *material) get(ctx context.Context, open func(download) (*os.File, error)) (*os.File, error) {
	if m.at == nil {
		if err := m.locate(ctx); err != nil {
			return nil, err
		}
	}
	if m.at.Size > m.max {
		return nil, &unpack.Fault{Why: fmt.Sprintf("%s zip: %d bytes, at most %d are allowed", m.what, m.at.Size, m.max)}
	}
	begin, pauses := time.Now(), 0
	for n := 1; ; n, pauses = n+1, pauses+1 {
		file, err := open(*m.at)
		_, wrong := errors.AsType[*wrongBytes](err)
		reply, isReply := errors.AsType[*replyError](err)
		if !wrong && (!isReply || !reply.Storage) {
			return file, err
		}
		if isReply && reply.Stranger && time.Since(begin) < fetchPatience {
			n-- // like an outage: storage has not answered
		}
		if n == fetches {
			// Not as a reply: the job is not gone, and another runner may fare better.
			return nil, errors.New("get " + m.what + ": " + err.Error())
		}
		if err := sleep(ctx, pause(pauses+1, err)); err != nil {
			return nil, err
		}
		if err := m.locate(ctx); err != nil { // its URL may have expired early
			return nil, err
		}
	}
}

// fetch writes the file to w, once it gets an answer from storage.
func (m *material) fetch(ctx context.Context, w io.Writer) error {
	if m.at.Inline == nil && m.at.URL == "" || m.at.ExpiresIn > 0 && time.Since(m.at.received) > time.Duration(m.at.ExpiresIn)*time.Second-5*time.Second {
		if err := m.locate(ctx); err != nil {
			return err
		}
	}
	started := &watchedWriter{w: w}
	var got error
	err := repeat(ctx, fetchPatience, func() error {
		got = m.client.fetch(ctx, *m.at, started)
		if _, wrong := errors.AsType[*wrongBytes](got); wrong || started.wrote {
			return nil // what was written cannot be taken back: no repetition here
		}
		return got
	})
	if err == nil && got != nil && ctx.Err() == nil {
		return &wrongBytes{got.Error()}
	}
	if err != nil {
		return err
	}
	return got
}

// locate asks the server where the file is.
func (m *material) locate(ctx context.Context) error {
	var d download
	err := repeat(ctx, fetchPatience, func() (err error) {
		d, err = m.client.download(ctx, m.held, m.route)
		return err
	})
	if reply, ok := errors.AsType[*replyError](err); ok && reply.Status == 404 && reply.Message == m.route+" not found" {
		return &unpack.Fault{Why: "the server has no " + m.what + " for this job"}
	}
	if err == nil {
		m.at = &d
	}
	return err
}

// watchedWriter remembers that something was written.
type watchedWriter struct {
	w     io.Writer
	wrote bool
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	w.wrote = true
	return w.w.Write(p)
}
