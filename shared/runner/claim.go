package runner

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"runlease/shared/ident"
)

// The bounds of a claim. A server that gives out more is broken, or is none: its
// ids become paths here, and its counts memory. The API itself allows no more.
const (
	maxTasks    = 100
	maxCases    = 100     // of one task: a case's name has two digits for it
	maxAllCases = 1000    // of all tasks
	maxMemory   = 1 << 30 // KB
	maxTime     = 1 << 30 // ms
	maxSeconds  = 1 << 20
	maxToken    = 1000 // bytes
)

// check finds what is wrong with a claim, before anything of it is used.
func (c claim) check() error {
	switch {
	case !ident.Job(c.ID):
		return fmt.Errorf("job id %.80q is no legal one", c.ID)
	case c.Token == "" || len(c.Token) > maxToken:
		return fmt.Errorf("claim token of %d bytes", len(c.Token))
	case c.Attempt < 0 || c.LeaseSeconds < 0 || c.LeaseSeconds > maxSeconds || c.HeartbeatSeconds < 0 || c.HeartbeatSeconds > maxSeconds:
		return errors.New("attempt, lease or heartbeat out of bounds")
	case len(c.Meta.Tasks) == 0 || len(c.Meta.Tasks) > maxTasks:
		return fmt.Errorf("%d tasks, want 1 to %d", len(c.Meta.Tasks), maxTasks)
	}
	if fault := c.Meta.Check(); fault != nil {
		return fault
	}
	cases := 0
	for t, task := range c.Meta.Tasks {
		if task.CaseCount < 1 || task.CaseCount > maxCases {
			return fmt.Errorf("task %d has %d cases, want 1 to %d", t, task.CaseCount, maxCases)
		}
		if task.MemoryLimit < 1 || task.MemoryLimit > maxMemory || task.TimeLimit < 1 || task.TimeLimit > maxTime {
			return fmt.Errorf("task %d has limits of %d KB and %d ms", t, task.MemoryLimit, task.TimeLimit)
		}
		cases += task.CaseCount
	}
	if cases > maxAllCases {
		return fmt.Errorf("%d cases, want at most %d", cases, maxAllCases)
	}
	for what, d := range map[string]*download{"code": c.Code, "testdata": c.TestData} {
		if d == nil {
			continue
		}
		if err := d.check(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// check finds what is wrong with where a file is said to be. Whether bytes that came
// along are the file is seen when they are used.
func (d download) check() error {
	u, err := url.Parse(d.URL) // which is a secret
	if d.Inline == nil && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("its address is no http(s) URL")
	}
	if raw, err := hex.DecodeString(d.SHA256); err != nil || len(raw) != 32 || d.SHA256 != strings.ToLower(d.SHA256) {
		return fmt.Errorf("%.80q is no SHA-256", d.SHA256)
	}
	if d.Size < 0 || d.ExpiresIn < 0 || d.ExpiresIn > maxSeconds {
		return fmt.Errorf("size of %d bytes or life of %d s out of bounds", d.Size, d.ExpiresIn)
	}
	return nil
}
