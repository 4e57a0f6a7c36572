package api

import (
	"fmt"

	"runlease/shared/job"
)

// epoch is a time on the wire: seconds since the Unix epoch, always written as
// a float, so that clients in typed languages need not guess.
type epoch job.Time

// MarshalJSON writes 1763937600.250.
func (e epoch) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", e/1000, e%1000), nil
}

// orNull is nil, null on the wire, for a time that has not come.
func orNull(t job.Time) *epoch {
	if t == 0 {
		return nil
	}
	return (*epoch)(&t)
}
