package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
)

type putProblemReply struct {
	problemData
	Upload *uploadData `json:"upload"`
}

// putProblem is PUT /problems/{id}.
func putProblem(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	content := problem.Content{
		Tasks:    c.body.tasks(),
		Testdata: c.body.artifactIn("testdata", problem.MaxTestdata),
		Rules:    c.body.rules(),
	}
	pool := c.body.pool()
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	drafted, refused, err := a.dispatch.PutProblem(c.Context(), c.number, content, pool)
	if err != nil || !refused.OK() {
		return refusedOr(refused, err)
	}
	answer := granted("draft stored", putProblemReply{newProblem(drafted.Problem), newUpload(drafted.Upload)})
	if drafted.New {
		answer.status = http.StatusCreated
	}
	return answer, nil
}

// rules reads how a problem is judged, and checks it. What is null or missing is
// not said.
func (f *fields) rules() judging.Rules {
	optional := func(f *fields, name string) int {
		if f == nil || !f.has(name) {
			return 0
		}
		n := f.anyInteger(name)
		if n == 0 {
			n = -1 // out of bounds as well, and said
		}
		return n
	}
	compile, checker := f.object("compile"), f.object("checker")
	if compile != nil {
		compile.only("timeLimit", "memoryLimit")
	}
	if checker != nil {
		checker.only("kind", "abs", "rel", "protocol", "language", "file", "timeLimit", "memoryLimit")
	}
	r := judging.Rules{
		OutputLimit:   optional(f, "outputLimit"),
		Compile:       judging.Compile{TimeLimit: optional(compile, "timeLimit"), MemoryLimit: optional(compile, "memoryLimit")},
		StopOnFailure: f.flag("stopOnFailure"),
	}
	if compile != nil {
		f.inherit(compile)
	}
	if checker != nil {
		r.Checker = judging.Checker{
			Kind: judging.Kind(checker.text("kind")), Abs: checker.float("abs"), Rel: checker.float("rel"),
			Protocol: judging.Protocol(checker.text("protocol")), File: checker.text("file"),
			TimeLimit: optional(checker, "timeLimit"), MemoryLimit: optional(checker, "memoryLimit"),
		}.Normal()
		if r.Checker.IsProgram() || checker.has("language") {
			r.Checker.Language = checker.anyInteger("language")
		}
		if !checker.has("kind") {
			checker.fail("kind", "missing")
		}
		f.inherit(checker)
	}
	if fault := r.Check(); fault != nil {
		f.fail(fault.Path, fault.Why)
	}
	return r
}

// flag reads true or false; false if it is missing.
func (f *fields) flag(name string) (set bool) {
	if f.has(name) && json.Unmarshal(f.raw(name), &set) != nil {
		f.fail(name, "want true or false")
	}
	return set
}

// float reads a number; 0 if it is missing.
func (f *fields) float(name string) (n float64) {
	if f.has(name) && json.Unmarshal(f.raw(name), &n) != nil {
		f.fail(name, "want a number")
	}
	return n
}

// tasks reads a problem's tasks and checks them.
func (f *fields) tasks() []judge.Task {
	raw, is := f.elements("tasks", problem.MaxTasks)
	if !is {
		f.fail("tasks", "want a list of tasks")
		return nil
	}
	// The number is checked first: what follows costs per task.
	if len(raw) > problem.MaxTasks {
		f.fail("tasks", fmt.Sprintf("want 1 to %d tasks", problem.MaxTasks))
		return nil
	}
	tasks := make([]judge.Task, len(raw))
	for i, one := range raw {
		task, fault := readFields(one, fmt.Sprintf("tasks[%d].", i))
		if fault != nil {
			f.inherit(&fields{fault: fault})
			return nil
		}
		task.strict = f.strict
		task.only("taskScore", "caseCount", "memoryLimit", "timeLimit")
		// Their bounds are the problem's business; here they are integers.
		tasks[i] = judge.Task{
			Score:       task.anyInteger("taskScore"),
			Cases:       task.anyInteger("caseCount"),
			MemoryLimit: task.anyInteger("memoryLimit"),
			TimeLimit:   task.anyInteger("timeLimit"),
		}
		f.inherit(task)
	}
	var fault *judge.Fault
	if errors.As(problem.Check(tasks), &fault) {
		f.inherit(&fields{fault: fault})
	}
	return tasks
}
