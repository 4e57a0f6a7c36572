package main

import (
	"os"
	"slices"
	"testing"
)

func TestOrphansAreAdoptedAndEnded(t *testing.T) {
	adoptOrphans()
	f := testFleet(t)
	// setsid takes it out of the child's group, as a runner does with its cases;
	// the child's end makes it an orphan, and its own child another one later.
	orphan := shell(t, f, "r-a", "setsid sh -c 'sleep 60 & echo $$; wait' & sleep 60")
	if err := f.kill("r-a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the adoption", func() bool { return slices.Contains(childrenOf(os.Getpid()), orphan) })
	endOrphans()
	if left := childrenOf(os.Getpid()); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if !gone(orphan) {
		t.Error("the orphan is still there")
	}
}
