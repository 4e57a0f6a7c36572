package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"

	"runlease/shared/judge"
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
	}
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	drafted, err := a.dispatch.PutProblem(c.Context(), c.number, content)
	if err != nil {
		return reply{}, err
	}
	answer := granted("draft stored", putProblemReply{newProblem(drafted.Problem), newUpload(drafted.Upload)})
	if drafted.New {
		answer.status = http.StatusCreated
	}
	return answer, nil
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
			Score:       int(task.integer("taskScore", math.MinInt32, math.MaxInt32)),
			Cases:       int(task.integer("caseCount", math.MinInt32, math.MaxInt32)),
			MemoryLimit: int(task.integer("memoryLimit", math.MinInt32, math.MaxInt32)),
			TimeLimit:   int(task.integer("timeLimit", math.MinInt32, math.MaxInt32)),
		}
		f.inherit(task)
	}
	var fault *judge.Fault
	if errors.As(problem.Check(tasks), &fault) {
		f.inherit(&fields{fault: fault})
	}
	return tasks
}
