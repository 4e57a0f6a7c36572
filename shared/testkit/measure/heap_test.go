package measure

import "testing"

func TestWaitingJobsAreSmall(t *testing.T) {
	for _, f := range HeapFigures(t) {
		t.Logf("%s: %v %s", f.Name, f.Value, f.Unit)
		if f.Failed() || f.Value <= 0 {
			t.Errorf("%s: got %v %s, want at most %v", f.Name, f.Value, f.Unit, *f.Budget)
		}
	}
}
