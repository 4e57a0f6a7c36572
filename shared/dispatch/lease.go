package dispatch

import (
	"fmt"
	"time"

	"runlease/shared/job"
)

// LeaseBounds are the leases that a claim may ask for, and the default, in seconds. A lease is a whole number of seconds everywhere:
// on the wire, in the store and on the queue.
type LeaseBounds struct {
	Least, Default, Longest int
}

// DefaultLease has the values of the wire contract.
var DefaultLease = LeaseBounds{Least: 30, Default: 600, Longest: 900}

// grant returns the lease that a claim gets, in seconds; asked is nil if it did
// not ask for one. Refused with InvalidLease.
func (b LeaseBounds) grant(asked *int) (leaseSeconds int, answer Answer) {
	switch {
	case asked == nil:
		return b.Default, granted
	case *asked < b.Least || *asked > b.Longest:
		return 0, Answer{Outcome: InvalidLease, Detail: fmt.Sprintf("want %d to %d", b.Least, b.Longest)}
	}
	return *asked, granted
}

// hidingFor hides the message of a claim for its whole lease, from now on.
func hidingFor(c job.Claim) Hiding { return Hiding{c.Handle, inSeconds(c.LeaseSeconds)} }

func inSeconds(n int) time.Duration { return time.Duration(n) * time.Second }
