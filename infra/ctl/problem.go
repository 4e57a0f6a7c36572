package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"runlease/shared/casefile"
	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
	"runlease/shared/producer"
)

// problems works on problems through the API, as a producer does.
func problems(ctx context.Context, op operator, args []string) error {
	return choose(ctx, op, "ctl problem", []command{
		{"check", "look for what is wrong with a problem and its test data, and judge a solution", problemCheck},
		{"put", "write a problem's draft and upload its test data", problemPut},
		{"publish", "make a problem's draft its current version", problemPublish},
		{"show", "print a problem, its current version and its draft", problemShow},
		{"list", "print the ids of all problems and the numbers of their current versions", problemList},
		{"versions", "print the published versions of a problem", problemVersions},
		{"download", "write the test data of a published version to a file", problemDownload},
	}, args)
}

// described is problem.json: what PUT /problems/{id} takes, without test data.
type described struct {
	Tasks []judge.Task `json:"tasks"`
	judging.Rules
}

// readProblem reads problem.json and checks it.
func readProblem(path string) (described, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return described{}, fmt.Errorf("read the problem: %w", err)
	}
	var p described
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&p); err != nil {
		return described{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := problem.Check(p.Tasks); err != nil {
		return described{}, fmt.Errorf("%s: %w", path, err)
	}
	p.Checker = p.Checker.Normal()
	if fault := p.Check(); fault != nil {
		return described{}, fmt.Errorf("%s: %w", path, fault)
	}
	return p, nil
}

func (p described) want() casefile.Want {
	return problem.Content{Tasks: p.Tasks, Rules: p.Rules}.Want()
}

// errFound means that something is wrong, and was printed.
var errFound = errors.New("the problem would not be judged as it is meant")

// problemCheck prints a line for everything that is wrong, and fails if that is
// more than a note.
func problemCheck(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem check", "TESTDATA.zip")
	about := f.String("problem", "problem.json", "`file` with the problem's tasks and limits")
	solution := f.String("solution", "", "source `file` of a right solution, main.c, main.cpp or main.py, to be judged as well")
	executor := f.String("executor", "runlease-runner -execute", "`command` that judges it")
	zip, err := parseOne(f, args, "the zip of test data")
	if err != nil {
		return err
	}
	p, err := readProblem(*about)
	if err != nil {
		return err
	}
	file, size, err := openSized(zip)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	wrong, err := casefile.Check(file, size, p.want())
	if err != nil {
		return fmt.Errorf("look at %s: %w", zip, err)
	}
	var notes casefile.Findings
	if len(wrong.List) == 0 {
		if wrong, notes, err = casefile.Inside(file, size, p.want()); err != nil {
			return fmt.Errorf("look into %s: %w", zip, err)
		}
	}
	printFindings(op.out, zip, "", wrong)
	printFindings(op.out, zip, "note: ", notes)
	if len(wrong.List) > 0 {
		return errFound
	}
	if *solution == "" && p.Checker.IsProgram() {
		_, _ = fmt.Fprintf(op.out, "%s: note: it is compiled and run with -solution only\n", p.Checker.Path())
	}
	if *solution != "" {
		return judgeSolution(ctx, op, *executor, *solution, file, size, p)
	}
	return nil
}

func printFindings(w io.Writer, zip, kind string, found casefile.Findings) {
	for _, one := range found.List {
		name := one.File
		if name == "" {
			name = zip
		}
		_, _ = fmt.Fprintf(w, "%s: %s%s\n", name, kind, one.Message)
	}
	if found.More > 0 {
		_, _ = fmt.Fprintf(w, "%sand %d more\n", kind, found.More)
	}
}

func openSized(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open test data: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("look at test data: %w", err), file.Close())
	}
	return file, info.Size(), nil
}

// problemPut writes a draft. Its test data are checked first, as publish would.
func problemPut(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem put", "PROBLEM")
	at := apiFlags(f)
	about := f.String("problem", "problem.json", "`file` with the problem's tasks and limits")
	zip := f.String("testdata", "", "`zip` of test data; without it the draft keeps what it has")
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	p, err := readProblem(*about)
	if err != nil {
		return err
	}
	body := struct {
		described
		Testdata *producer.Announced `json:"testdata,omitempty"`
	}{described: p}
	var file *os.File
	if *zip != "" {
		var size int64
		if file, size, err = openSized(*zip); err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		found, err := casefile.Check(file, size, p.want())
		if err != nil {
			return fmt.Errorf("look at %s: %w", *zip, err)
		}
		if len(found.List) > 0 {
			printFindings(op.out, *zip, "", found)
			return errFound
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, file); err != nil {
			return fmt.Errorf("read %s: %w", *zip, err)
		}
		body.Testdata = &producer.Announced{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
	}
	var drafted struct {
		Upload *producer.Upload `json:"upload"`
	}
	if err := api.Call(ctx, http.MethodPut, "/problems/"+id, body, &drafted); err != nil {
		return err
	}
	if file != nil && drafted.Upload != nil {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read %s: %w", *zip, err)
		}
		if err := api.upload(ctx, *drafted.Upload, file, body.Testdata.Size); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(op.out, "problem %s has a draft; ctl problem publish %s makes it the current version\n", id, id)
	return err
}

func problemPublish(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem publish", "PROBLEM")
	at := apiFlags(f)
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var published struct {
		Version  int      `json:"version"`
		Changed  bool     `json:"changed"`
		Warnings []string `json:"warnings"`
	}
	if err := api.Call(ctx, http.MethodPost, "/problems/"+id+"/publish", nil, &published); err != nil {
		return err
	}
	text := "problem %s: version %d is current\n"
	if !published.Changed {
		text = "problem %s: version %d stays current, its draft is the same\n"
	}
	for _, warning := range published.Warnings {
		text += "warning: " + strings.ReplaceAll(warning, "%", "%%") + "\n"
	}
	_, err = fmt.Fprintf(op.out, text, id, published.Version)
	return err
}

func problemShow(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem show", "PROBLEM")
	at := apiFlags(f)
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var shown json.RawMessage
	if err := api.Call(ctx, http.MethodGet, "/problems/"+id, nil, &shown); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, shown, "", "  "); err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	_, err = fmt.Fprintln(op.out, text.String())
	return err
}

// parseID is parseOne for a problem's id.
func parseID(f *flag.FlagSet, args []string) (string, error) {
	id, err := parseOne(f, args, "the problem's id")
	if err != nil {
		return "", err
	}
	if n, err := strconv.ParseInt(id, 10, 32); err != nil || n < 1 {
		return "", misuse(f, "%q is no id of a problem: want 1 to 2147483647", id)
	}
	return id, nil
}
