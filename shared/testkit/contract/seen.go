package contract

import "sync"

var (
	seenMu sync.Mutex
	seen   = make(map[Case]bool)
)

// Unseen lists the kinds of reply that openapi.yaml knows and that no exchange
// of this process has had.
func Unseen() ([]Case, error) {
	cases, err := Cases()
	if err != nil {
		return nil, err
	}
	seenMu.Lock()
	defer seenMu.Unlock()
	var unseen []Case
	for _, c := range cases {
		if !seen[c] {
			unseen = append(unseen, c)
		}
	}
	return unseen, nil
}
