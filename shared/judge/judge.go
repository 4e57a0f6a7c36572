// Package judge makes the verdict: from cases to tasks to the submission. It
// is pure and checks everything that a runner sends before it counts.
package judge

import "fmt"

// Task is what a problem says about one of its tasks.
type Task struct {
	Score       int `json:"taskScore"`   // points if every case is AC
	Cases       int `json:"caseCount"`   // how many cases it has
	MemoryLimit int `json:"memoryLimit"` // KB
	TimeLimit   int `json:"timeLimit"`   // ms
}

// Status is the code of a verdict, as it is on the wire and in the store. Where
// several are joined the gravest counts.
type Status int

// The statuses of the wire contract. A number says nothing about severity.
const (
	AC  Status = 0
	WA  Status = 1
	CE  Status = 2
	TLE Status = 3
	MLE Status = 4
	RE  Status = 5
	JE  Status = 6
	OLE Status = 7
)

// statuses are all of them with their names on the wire, from the mildest to the
// gravest. A new one is put where its severity is, whatever its number.
var statuses = []struct {
	status Status
	name   string
}{
	{AC, "AC"}, {WA, "WA"}, {CE, "CE"}, {TLE, "TLE"}, {MLE, "MLE"}, {RE, "RE"}, {JE, "JE"}, {OLE, "OLE"},
}

// Statuses returns all of them, from the mildest to the gravest.
func Statuses() []Status {
	all := make([]Status, len(statuses))
	for i := range statuses {
		all[i] = statuses[i].status
	}
	return all
}

// severity is the place of s in statuses. A status that a newer version of the
// code has stored is graver than all that this one knows.
func (s Status) severity() int {
	for i := range statuses {
		if statuses[i].status == s {
			return i
		}
	}
	return len(statuses)
}

// gravest joins two statuses.
func gravest(a, b Status) Status {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// String returns the name of s on the wire.
func (s Status) String() string {
	if i := s.severity(); i < len(statuses) {
		return statuses[i].name
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// ParseStatus returns the status with a name on the wire; it returns false if there is none.
func ParseStatus(name string) (Status, bool) {
	for i := range statuses {
		if statuses[i].name == name {
			return statuses[i].status, true
		}
	}
	return 0, false
}

// Case is what a runner saw when it ran one case.
type Case struct {
	ExitCode    int
	Status      Status
	Stdout      string
	Stderr      string
	ExecTime    int64 // ms, -1: unknown
	MemoryUsage int64 // KB, -1: unknown
	// Why it has its status, if the runner knows: exit code, signal, or the limit
	// that was hit; at most MaxReason characters. Left out of the JSON, which is
	// digested, if there is none.
	Reason string `json:",omitempty"`
}

// MaxReason bounds the reason of a case, in characters.
const MaxReason = 200

// TaskVerdict is the verdict on one task, with its cases; their outputs are
// kept elsewhere.
type TaskVerdict struct {
	Status      Status
	Score       int
	ExecTime    int64 // ms, -1: unknown
	MemoryUsage int64 // KB, -1: unknown
	Cases       []Case
}

// Verdict is the verdict on a submission.
type Verdict struct {
	Status      Status
	Score       int
	ExecTime    int64 // ms, -1: unknown
	MemoryUsage int64 // KB, -1: unknown
	Tasks       []TaskVerdict
}

// Judge joins cases to a verdict: a task takes the gravest status and the maxima
// over its cases, and its full score only if every case is AC; the submission
// takes the same over its tasks, and the sum of their scores. The cases must have the shape of the
// tasks; a *Fault names the first place where they do not.
func Judge(tasks []Task, cases [][]Case) (Verdict, error) {
	if len(cases) != len(tasks) {
		return Verdict{}, &Fault{"tasks", fmt.Sprintf("want %d tasks, got %d", len(tasks), len(cases))}
	}
	v := Verdict{ExecTime: -1, MemoryUsage: -1, Tasks: make([]TaskVerdict, 0, len(tasks))}
	for i, task := range tasks {
		if len(cases[i]) != task.Cases {
			return Verdict{}, &Fault{fmt.Sprintf("tasks[%d]", i), fmt.Sprintf("want %d cases, got %d", task.Cases, len(cases[i]))}
		}
		t := TaskVerdict{ExecTime: -1, MemoryUsage: -1, Cases: cases[i]}
		for _, c := range cases[i] {
			t.Status = gravest(t.Status, c.Status)
			t.ExecTime = max(t.ExecTime, c.ExecTime)
			t.MemoryUsage = max(t.MemoryUsage, c.MemoryUsage)
		}
		if t.Status == AC {
			t.Score = task.Score
		}
		v.Status = gravest(v.Status, t.Status)
		v.ExecTime = max(v.ExecTime, t.ExecTime)
		v.MemoryUsage = max(v.MemoryUsage, t.MemoryUsage)
		v.Score += t.Score
		v.Tasks = append(v.Tasks, t)
	}
	return v, nil
}
