package sim_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"runlease/shared/testkit/sim"
)

// TestSeeds runs as many seeds as fit into its time, at least 300.
func TestSeeds(t *testing.T) {
	const least = 300
	budget := 20 * time.Second
	if testing.Short() {
		budget = 0
	}
	var seen sim.Seen
	operations, seed := 0, uint64(1)
	for began := time.Now(); seed <= least || time.Since(began) < budget; seed++ {
		r := sim.Run(seed)
		if r.Failed() {
			var trace bytes.Buffer
			sim.Replay(seed, &trace)
			lines := bytes.Split(trace.Bytes(), []byte("\n"))
			t.Fatalf("seed %d: %s\n%s", seed, r.Fault, bytes.Join(lines[max(0, len(lines)-50):], []byte("\n")))
		}
		if r.Operations < 100 {
			t.Errorf("seed %d made only %d operations", seed, r.Operations)
		}
		operations += r.Operations
		add(&seen, r.Seen)
	}
	t.Logf("%d seeds, %d operations: %+v", seed-1, operations, seen)
	for counts, i := reflect.ValueOf(seen), 0; i < counts.NumField(); i++ {
		if counts.Field(i).Int() == 0 {
			t.Errorf("%s never happened", counts.Type().Field(i).Name)
		}
	}
}

func add(to *sim.Seen, from sim.Seen) {
	sum, part := reflect.ValueOf(to).Elem(), reflect.ValueOf(from)
	for i := range sum.NumField() {
		sum.Field(i).SetInt(sum.Field(i).Int() + part.Field(i).Int())
	}
}

// TestReplay: the same seed gives the same history, byte by byte, and with a
// trace the same as without.
func TestReplay(t *testing.T) {
	different := 0
	var last string
	for seed := uint64(1); seed <= 30; seed++ {
		var first, second bytes.Buffer
		a, b := sim.Replay(seed, &first), sim.Replay(seed, &second)
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("seed %d gave two traces", seed)
		}
		if silent := sim.Run(seed); a != b || a != silent {
			t.Fatalf("seed %d gave %+v, %+v and %+v", seed, a, b, silent)
		}
		if first.String() != last {
			different++
		}
		last = first.String()
	}
	if different != 30 {
		t.Errorf("30 seeds gave %d histories", different)
	}
}
