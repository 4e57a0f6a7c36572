package judge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// A stored verdict is JSON without names, so that an ordinary one stays within
// a single write unit: per task its score and then its cases, each
// [status, execTime, memoryUsage, exitCode], and its reason if it has one: a text
// the first time, and its number among these texts from then on. Earlier versions
// of this code read the first four only.

// maxReasons bounds the texts of a record, in bytes: a job is one item.
const maxReasons = 8 << 10

// Record writes the tasks of v for storage, without the outputs of cases.
func (v Verdict) Record() []byte {
	const aCase = 24 // bytes of an ordinary one
	out := []byte{'['}
	var texts reasons
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
			out = texts.write(out, c.Reason)
			out = append(out, ']')
		}
		out = append(out, ']')
	}
	return append(out, ']')
}

// reasons numbers the reasons of cases, which are few.
type reasons struct {
	numbers map[string]int
	bytes   int
}

func (r *reasons) write(out []byte, reason string) []byte {
	if reason == "" {
		return out
	}
	if n, known := r.numbers[reason]; known {
		return strconv.AppendInt(append(out, ','), int64(n), 10)
	}
	text, err := json.Marshal(reason)
	if err != nil || r.bytes+len(text) > maxReasons {
		return out
	}
	if r.numbers == nil {
		r.numbers = map[string]int{}
	}
	r.numbers[reason] = len(r.numbers)
	r.bytes += len(text)
	return append(append(out, ','), text...)
}

// readReason reads a case's reason; texts are the texts before it.
func readReason(field json.RawMessage, texts *[]string) (string, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(field, &values); err != nil || len(values) < 5 {
		return "", err
	}
	var n int
	if json.Unmarshal(values[4], &n) == nil {
		if n < 0 || n >= len(*texts) {
			return "", fmt.Errorf("no reason %d", n)
		}
		return (*texts)[n], nil
	}
	var text string
	err := json.Unmarshal(values[4], &text)
	*texts = append(*texts, text)
	return text, err
}

// ReadRecord reads what Record wrote.
func ReadRecord(record []byte) ([]TaskVerdict, error) {
	var raw [][]json.RawMessage
	if err := json.Unmarshal(record, &raw); err != nil {
		return nil, fmt.Errorf("read verdict record: %w", err)
	}
	tasks := make([]TaskVerdict, len(raw))
	var texts []string
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
			var err error
			if c.Reason, err = readReason(field, &texts); err != nil {
				return nil, fmt.Errorf("read verdict record: %w", err)
			}
			t.Status = gravest(t.Status, c.Status)
			t.ExecTime = max(t.ExecTime, c.ExecTime)
			t.MemoryUsage = max(t.MemoryUsage, c.MemoryUsage)
			t.Cases = append(t.Cases, c)
		}
		tasks[i] = t
	}
	return tasks, nil
}
