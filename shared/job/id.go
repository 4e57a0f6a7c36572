package job

// IDRule tells what ValidID allows, to a caller that sent something else.
const IDRule = "want 1 to 64 letters, digits, hyphens or underscores"

// ValidID reports whether the wire contract allows s as the id of a job, or as the
// name of a group: [A-Za-z0-9_-]{1,64}. A loop, because compiling a regular
// expression for it took 0.3 ms of every cold start.
func ValidID(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
