package main

import (
	"encoding/json"
	"fmt"

	"runlease/shared/judging"
)

// problem is a folder of test data. answer is the reference solution: it gets
// a case's input as the submissions do and returns the whole expected output.
type problem struct {
	name   string
	tasks  []task
	answer func(input string) string
	rules  judging.Rules // beside the limits of its tasks
}

// task is a group of cases that are worth score together. memory is in KB,
// time in ms of each case.
type task struct {
	score  int
	memory int
	time   int
	inputs []string
}

// taskJSON is a task as PUT /problems/{id} takes it.
type taskJSON struct {
	TaskScore   int `json:"taskScore"`
	CaseCount   int `json:"caseCount"`
	MemoryLimit int `json:"memoryLimit"`
	TimeLimit   int `json:"timeLimit"`
}

// render returns the content of every file by its slash-separated name.
func render() (map[string]string, error) {
	files := map[string]string{}
	for _, p := range []problem{stairs(), primes(), knapsack(), maze(), averages(), collatz(), queens(), divisors(), roots(), goldbach(), guess()} {
		meta := struct {
			Tasks []taskJSON `json:"tasks"`
			judging.Rules
		}{Rules: p.rules}
		for t, task := range p.tasks {
			meta.Tasks = append(meta.Tasks, taskJSON{task.score, len(task.inputs), task.memory, task.time})
			for c, input := range task.inputs {
				stem := fmt.Sprintf("%s/%02d%02d", p.name, t, c)
				files[stem+".in"] = input
				files[stem+".out"] = p.answer(input)
			}
		}
		text, err := json.MarshalIndent(meta, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", p.name, err)
		}
		files[p.name+"/problem.json"] = string(text) + "\n"
	}
	return files, nil
}
