package figure

// T is the part of testing.T that Check needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Check logs figures and holds them to their budgets. It fails if there are none.
func Check(t T, figures []Figure, err error) {
	t.Helper()
	if err != nil || len(figures) == 0 {
		t.Errorf("%d figures: %v", len(figures), err)
	}
	for _, f := range figures {
		sign, budget := f.Bound()
		t.Logf("%-36s %8.3f %s %g %s", f.Name, f.Value, sign, budget, f.Unit)
		if f.Failed() {
			t.Errorf("%s: got %v %s, want %s %v", f.Name, f.Value, f.Unit, sign, budget)
		}
	}
}
