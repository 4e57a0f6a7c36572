package measure

import (
	"testing"

	"runlease/shared/dispatch"
)

// TestIndexIsSpreadEvenly: whatever the ids look like, no key of the index of
// open jobs gets more than a quarter more than its share of any second's writes.
func TestIndexIsSpreadEvenly(t *testing.T) {
	for kind, id := range IDs() {
		share := Share(id)
		t.Logf("%-16s %.4f", kind, share)
		if most := 1.25 / float64(dispatch.Shards); share > most {
			t.Errorf("%s: one key gets %.4f of the writes, want at most %.4f", kind, share, most)
		}
	}
	for _, f := range ShareFigures() {
		if f.Failed() {
			t.Errorf("%s: got %v %s", f.Name, f.Value, f.Unit)
		}
	}
}
