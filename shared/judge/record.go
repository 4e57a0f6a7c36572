package judge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// A stored verdict is JSON without names, so that an ordinary one stays within
// a single write unit: per task its score and then its cases, each
// [status, execTime, memoryUsage, exitCode].

// Record writes the tasks of v for storage, without the outputs of cases.
func (v Verdict) Record() []byte {
	const aCase = 24 // bytes of an ordinary one
	out := []byte{'['}
	for i, t := range v.Tasks {
		out = slices.Grow(out, aCase*(len(t.Cases)+1))
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		out = strconv.AppendInt(out, int64(t.Score), 10)
		for _, c := range t.Cases {
			out = append(out, ",["...)
			out = strconv.AppendInt(out, int64(c.Status), 10)
			for _, n := range [...]int64{c.ExecTime, c.MemoryUsage, int64(c.ExitCode)} {
				out = strconv.AppendInt(append(out, ','), n, 10)
			}
			out = append(out, ']')
		}
		out = append(out, ']')
	}
	return append(out, ']')
}

// ReadRecord reads what Record wrote.
func ReadRecord(record []byte) ([]TaskVerdict, error) {
	var raw [][]json.RawMessage
	if err := json.Unmarshal(record, &raw); err != nil {
		return nil, fmt.Errorf("read verdict record: %w", err)
	}
	tasks := make([]TaskVerdict, len(raw))
	for i, fields := range raw {
		t := TaskVerdict{ExecTime: -1, MemoryUsage: -1}
		for k, field := range fields {
			if k == 0 {
				if err := json.Unmarshal(field, &t.Score); err != nil {
					return nil, fmt.Errorf("read verdict record: %w", err)
				}
				continue
			}
			var n [4]int64
			if err := json.Unmarshal(field, &n); err != nil {
				return nil, fmt.Errorf("read verdict record: %w", err)
			}
			c := Case{Status: Status(n[0]), ExecTime: n[1], MemoryUsage: n[2], ExitCode: int(n[3])}
			t.Status = max(t.Status, c.Status)
			t.ExecTime = max(t.ExecTime, c.ExecTime)
			t.MemoryUsage = max(t.MemoryUsage, c.MemoryUsage)
			t.Cases = append(t.Cases, c)
		}
		tasks[i] = t
	}
	return tasks, nil
}
