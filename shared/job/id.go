package job

import "runlease/shared/ident"

// IDRule tells what ValidID allows, to a caller that sent something else.
const IDRule = ident.JobRule

// ValidID reports whether the wire contract allows s as the id of a job, or as the
// name of a group.
func ValidID(s string) bool { return ident.Job(s) }
