// Package normaloj stands in for Normal-OJ's back end, as far as its sandboxes see
// it: it pushes submissions, serves problems and takes verdicts, as was measured on
// the real one, with the faults that it can have. It was written from what was
// measured and shares no code with it.
package normaloj

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // as the back end's checksum
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Task is a task of a problem, in the order in which the back end writes it.
type Task struct {
	Score       int `json:"taskScore"`
	Cases       int `json:"caseCount"`
	MemoryLimit int `json:"memoryLimit"`
	TimeLimit   int `json:"timeLimit"`
}

// Problem is what a teacher has set up.
type Problem struct {
	Tasks    []Task
	TestData []byte // nil: none was uploaded
}

// Submission is what the back end knows of one.
type Submission struct {
	Problem, Language int
	Code              []byte
	Status, Score     int
	Tasks             [][]Case // of the last verdict that was counted
	Counted           int      // verdicts
	Token             string   // "": none is set
	Student           int      // the status that the student was answered with
}

// Case is a case of a verdict.
type Case struct {
	Status, Stdout, Stderr string
	ExecTime, MemoryUsage  float64
}

// BackEnd is an http.Handler. Its fields are set before it is used.
type BackEnd struct {
	Sandbox string // URL of the one sandbox
	Token   string // of that sandbox
	// Fault answers a request in place of the back end, or gets in its way; nil:
	// none. Serve goes on as the back end would.
	Fault func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter))
	// Transport makes what carries a call to the sandbox; nil: one over sockets.
	Transport func() http.RoundTripper

	mu          sync.Mutex
	problems    map[int]Problem
	submissions map[string]*Submission
	calls       map[string]int // by the last part of the path
	completing  map[string]int
	overlaps    int
}

// New makes a back end without problems.
func New(token string) *BackEnd {
	return &BackEnd{Token: token, problems: map[int]Problem{}, submissions: map[string]*Submission{}, calls: map[string]int{}, completing: map[string]int{}}
}

// SetProblem sets a problem up, or changes it; one of no tasks and no test data is
// handwritten.
func (b *BackEnd) SetProblem(id int, p Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems[id] = p
}

// RemoveProblem deletes a problem.
func (b *BackEnd) RemoveProblem(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.problems, id)
}

// UseUp takes the token of a submission away, as a verdict does that is lost.
func (b *BackEnd) UseUp(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.submissions[id].Token = ""
}

// Submission is what is known of a submission now.
func (b *BackEnd) Submission(id string) Submission {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.submissions[id]; s != nil {
		return *s
	}
	return Submission{Status: -2, Score: -1}
}

// Calls is how many calls of a kind have come: complete, meta, checksum, testdata.
func (b *BackEnd) Calls(kind string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[kind]
}

// Overlaps is how many verdicts came while one of the same submission was under way.
func (b *BackEnd) Overlaps() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overlaps
}

// Submit is a student's submission: it returns the status that the student gets. Of
// a submission that is there it is a rejudge; the time that has passed is not looked
// at.
func (b *BackEnd) Submit(ctx context.Context, id string, problem, language int, code []byte) int {
	b.mu.Lock()
	s := b.submissions[id]
	if s == nil {
		s = &Submission{Problem: problem, Language: language, Code: code, Score: -1}
		b.submissions[id] = s
	}
	s.Status, s.Tasks = -1, nil
	s.Code = code
	b.mu.Unlock()
	answer := b.send(ctx, id, s)
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Student = answer
	return answer
}

// send asks for the load, sets the token and pushes the code. Whatever goes wrong, a
// token that is set stays.
func (b *BackEnd) send(ctx context.Context, id string, s *Submission) int {
	client := http.Client{Timeout: 2 * time.Minute, Transport: b.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	call := func(method, path, contentType string, body io.Reader) (int, []byte) {
		r, err := http.NewRequestWithContext(ctx, method, b.Sandbox+path, body)
		if err != nil {
			return 0, nil
		}
		r.Header.Set("Content-Type", contentType)
		response, err := client.Do(r)
		if err != nil {
			return 0, nil
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return 0, nil
		}
		return response.StatusCode, text
	}
	status, text := call(http.MethodGet, "/status", "", nil)
	var load struct {
		Load *float64 `json:"load"`
	}
	switch {
	case status/100 != 2:
		return http.StatusInternalServerError
	case json.Unmarshal(text, &load) != nil:
		return http.StatusBadRequest
	case load.Load == nil || *load.Load >= 1000:
		return http.StatusInternalServerError
	}
	b.mu.Lock()
	s.Token = b.Token
	code := s.Code
	b.mu.Unlock()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"token", b.Token}, {"checker", `print("not implement yet. qaq")`}, {"problem_id", strconv.Itoa(s.Problem)}, {"language", strconv.Itoa(s.Language)}} {
		_ = form.WriteField(field[0], field[1])
	}
	file, _ := form.CreateFormFile("src", "upload")
	_, _ = file.Write(code)
	_ = form.Close()
	switch status, _ = call(http.MethodPost, "/submit/"+id, form.FormDataContentType(), &body); status {
	case http.StatusOK:
		return http.StatusOK
	case http.StatusInternalServerError:
		return http.StatusAccepted
	case http.StatusBadRequest, http.StatusForbidden:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func (b *BackEnd) transport() http.RoundTripper {
	if b.Transport != nil {
		return b.Transport()
	}
	return &http.Transport{}
}

// ServeHTTP is for http.Handler.
func (b *BackEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	kind := parts[len(parts)-1]
	b.mu.Lock()
	b.calls[kind]++
	b.mu.Unlock()
	serve := func(w http.ResponseWriter) {
		switch {
		case len(parts) == 3 && parts[0] == "submission" && kind == "complete" && r.Method == http.MethodPut:
			b.complete(w, r, parts[1])
		case len(parts) == 3 && parts[0] == "problem" && r.Method == http.MethodGet:
			b.problem(w, r, parts[1], kind)
		default:
			http.Error(w, `{"detail":"Not Found"}`, http.StatusNotFound)
		}
	}
	if b.Fault != nil {
		b.Fault(w, r, serve)
		return
	}
	serve(w)
}

func answer(w http.ResponseWriter, status int, message string, data any) {
	word := "ok"
	if status != http.StatusOK {
		word = "err"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": word, "message": message, "data": data})
}

// failed is an exception in the back end.
func failed(w http.ResponseWriter) {
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, "Internal Server Error")
}

func (b *BackEnd) problem(w http.ResponseWriter, r *http.Request, name, kind string) {
	id, err := strconv.Atoi(name)
	b.mu.Lock()
	p, found := b.problems[id]
	b.mu.Unlock()
	tasks := p.Tasks
	if tasks == nil {
		tasks = []Task{}
	}
	meta := map[string]any{"tasks": tasks}
	text, _ := json.Marshal(meta)
	switch {
	case err != nil:
		answer(w, http.StatusBadRequest, "Invalid request body", nil)
	case kind == "testdata" && !found:
		answer(w, http.StatusNotFound, "Problem not found", nil)
	case !r.URL.Query().Has("token"):
		failed(w)
	case r.URL.Query().Get("token") != b.Token:
		answer(w, http.StatusUnauthorized, "Invalid sandbox token", nil)
	case !found:
		answer(w, http.StatusNotFound, fmt.Sprintf("problem [%d] not found", id), nil)
	case kind == "meta":
		answer(w, http.StatusOK, "", meta)
	case kind == "checksum" && p.TestData == nil:
		failed(w)
	case kind == "checksum":
		sum := md5.Sum(append(bytes.Clone(p.TestData), strings.NewReplacer(",", ", ", ":", ": ").Replace(string(text))...)) //nolint:gosec // as above
		answer(w, http.StatusOK, "", hex.EncodeToString(sum[:]))
	case kind == "testdata" && p.TestData == nil:
		w.Header().Set("Content-Type", "application/zip")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // the reply breaks off
	case kind == "testdata": // a chunk for each line
		w.Header().Set("Content-Type", "application/zip")
		for line := range bytes.Lines(p.TestData) {
			_, _ = w.Write(line)
			_ = http.NewResponseController(w).Flush()
		}
	default:
		answer(w, http.StatusNotFound, "no such route", nil)
	}
}

// A character as JSON may write it in two halves, and a half that is alone.
var (
	halves = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	half   = regexp.MustCompile(`(?i)\\ud[89a-f][0-9a-f]{2}`)
)

// complete takes a verdict: the body is looked at first, then the token, which is
// used up before the verdict is worked on.
func (b *BackEnd) complete(w http.ResponseWriter, r *http.Request, id string) {
	text, err := io.ReadAll(r.Body)
	if err != nil { // the connection was lost before the end of the body
		return
	}
	var body struct {
		Token *string `json:"token"`
		Tasks []any   `json:"tasks"`
	}
	if json.Unmarshal(text, &body) != nil || body.Token == nil || body.Tasks == nil || r.Header.Get("Content-Type") != "application/json" {
		answer(w, http.StatusBadRequest, "Invalid request body", nil)
		return
	}
	b.mu.Lock()
	s := b.submissions[id]
	switch {
	case s == nil:
		b.mu.Unlock()
		answer(w, http.StatusNotFound, "Submission not found", nil)
		return
	case s.Token == "" || s.Token != *body.Token:
		b.mu.Unlock()
		answer(w, http.StatusForbidden, "i don't know you", nil)
		return
	}
	if b.completing[id]++; b.completing[id] > 1 {
		b.overlaps++
	}
	s.Token = ""
	p, found := b.problems[s.Problem]
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.completing[id]--
		b.mu.Unlock()
	}()
	tasks, score, worst, fault := read(body.Tasks, p)
	switch {
	case fault != "":
		answer(w, http.StatusBadRequest, "invalid data!\n"+fault, nil)
		return
	case tasks == nil || !found || half.Match(halves.ReplaceAll(text, nil)):
		failed(w)
		return
	}
	b.mu.Lock()
	s.Tasks, s.Score, s.Status = tasks, score, worst
	s.Counted++
	b.mu.Unlock()
	answer(w, http.StatusOK, fmt.Sprintf("submission [%s] result recieved.", id), nil) //nolint:misspell // as the back end spells it
}

var codes = map[string]int{"AC": 0, "WA": 1, "CE": 2, "TLE": 3, "MLE": 4, "RE": 5, "JE": 6, "OLE": 7}

// read goes through a verdict. fault is what a 400 says; no tasks mean a 500.
func read(raw []any, p Problem) (tasks [][]Case, score, worst int, fault string) {
	worst = -3
	for i, one := range raw {
		cases, is := one.([]any)
		if !is || len(cases) == 0 {
			return nil, 0, 0, ""
		}
		var task []Case
		taskWorst := -3
		for _, one := range cases {
			fields, is := one.(map[string]any)
			if !is {
				return nil, 0, 0, ""
			}
			for _, name := range []string{"exitCode", "status", "stdout", "stderr", "execTime", "memoryUsage"} {
				if _, there := fields[name]; !there {
					return nil, 0, 0, "KeyError: '" + name + "'"
				}
			}
			c := Case{}
			var legal [4]bool
			c.Stdout, legal[0] = fields["stdout"].(string)
			c.Stderr, legal[1] = fields["stderr"].(string)
			c.ExecTime, legal[2] = fields["execTime"].(float64)
			c.MemoryUsage, legal[3] = fields["memoryUsage"].(float64)
			if legal != [4]bool{true, true, true, true} || c.ExecTime > math.MaxInt64 || c.MemoryUsage > math.MaxInt64 {
				return nil, 0, 0, ""
			}
			c.Status, _ = fields["status"].(string)
			code, known := codes[c.Status]
			if !known {
				code = -3
			}
			taskWorst = max(taskWorst, code)
			task = append(task, c)
		}
		if taskWorst == 0 {
			if i >= len(p.Tasks) {
				return nil, 0, 0, ""
			}
			score += p.Tasks[i].Score
		}
		worst = max(worst, taskWorst)
		tasks = append(tasks, task)
	}
	return tasks, score, worst, ""
}
