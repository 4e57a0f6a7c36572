package roster

import (
	"fmt"
	"time"

	"runlease/shared/job"
)

// AuditKept is how long it is kept what operators did.
const AuditKept = 365 * 24 * time.Hour

// Entry is one act in the audit. It is written in the transaction of what it tells
// of, or not at all.
type Entry struct {
	At     job.Time
	By     string // the name of the credential; of a runner that acts for itself "runner:" and its name
	Act    Act
	Target string // of the act, as RunnerTarget and others make it
	Why    string
	// WriteID is the one of the write that it tells of.
	WriteID string
}

// RunnerTarget names a runner as the target of an act.
func RunnerTarget(name string) string { return "runner:" + name }

// Key is the entry's place in the audit: by time, then by write.
func (e Entry) Key() string { return fmt.Sprintf("%013d#%s", e.At, e.WriteID) }

// ExpiresAt is when a store may forget e.
func (e Entry) ExpiresAt() job.Time { return e.At.Add(AuditKept) }

// Entry returns what the audit keeps of an order.
func (o Order) Entry(target, writeID string) Entry {
	return Entry{At: o.At, By: o.By, Act: o.Act, Target: target, Why: o.Why, WriteID: writeID}
}

// ValidKey reports whether s has the form of an entry's key.
func ValidKey(s string) bool {
	if len(s) < 15 || len(s) > 64 || s[13] != '#' {
		return false
	}
	for i, c := range []byte(s) {
		if i != 13 && (c < '0' || c > '9') && (i < 13 || c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
