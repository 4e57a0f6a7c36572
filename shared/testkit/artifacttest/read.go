package artifacttest

import (
	"bytes"
	"testing"
)

func read(t *testing.T, s suite) {
	k, _, body := s.stored(t)
	for _, part := range []struct{ from, n int }{{0, 1000}, {0, 1}, {999, 1}, {300, 500}, {1000, 0}} {
		got, err := s.Artifacts.Read(t.Context(), k, int64(part.from), part.n)
		if want := body[part.from : part.from+part.n]; err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes from %d: got %d, %v", part.n, part.from, len(got), err)
		}
		for i := range got {
			got[i] = 0 // the caller's own
		}
	}
	s.holds(t, k, body)
}

func readMissing(t *testing.T, s suite) {
	k, _, _ := s.stored(t)
	for _, part := range []struct{ from, n int }{{0, 1001}, {999, 2}, {1000, 1}, {5000, 10}} {
		if got, err := s.Artifacts.Read(t.Context(), k, int64(part.from), part.n); err == nil {
			t.Errorf("%d bytes from %d: got %d and no error", part.n, part.from, len(got))
		}
	}
	if _, err := s.Artifacts.Read(t.Context(), key("s-2", measure(nil)), 0, 1); err == nil {
		t.Error("no object: no error")
	}
}
