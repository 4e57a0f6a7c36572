package roster

import (
	"testing"

	"runlease/shared/job"
)

// TestSteer tries every act on every state.
func TestSteer(t *testing.T) {
	const no = State("refused")
	want := map[Act][5]State{ // from ok, paused, draining, retired, quarantined
		ActPause:      {Paused, Paused, no, no, no},
		ActResume:     {Serving, Serving, no, no, no},
		ActDrain:      {Draining, Draining, Draining, no, Draining},
		ActRetire:     {Draining, Draining, Draining, Retired, Draining},
		ActQuarantine: {Quarantined, Quarantined, Quarantined, no, Quarantined},
		ActRelease:    {Serving, no, Serving, no, Serving},
	}
	for _, act := range RunnerActs() {
		for i, state := range []State{Serving, Paused, Draining, Retired, Quarantined} {
			was := Runner{Name: "a", State: state, Since: 1, By: "first", Why: "old"}
			got, allowed := was.Steer(Order{act, "second", "new", 9})
			to, after := want[act][i], was
			if to != no && to != state {
				after = Runner{Name: "a", State: to, Since: 9, By: "second", Why: "new"}
			}
			if allowed != (to != no) || got != after {
				t.Errorf("%s of one that is %s: allowed %v, got %+v", act, state, allowed, got)
			}
		}
	}
	byRules := Runner{State: Quarantined, Since: 1, Why: "three bad ends"}
	if got, _ := byRules.Steer(Order{ActQuarantine, "ops", "look at it", 9}); got.By != "ops" || got.Since != 9 {
		t.Errorf("an operator's quarantine of one by the rules: %+v", got)
	}
	if got, _ := (Runner{}).Steer(Order{ActPause, "ops", "why", 9}); got.State != Paused {
		t.Errorf("a record without a state: %+v", got)
	}
	for age, want := range map[job.Time]bool{79_999: false, 80_000: true} {
		if (Runner{State: Draining, Since: 5}).MayRetire(5+age) != want || (Runner{State: Paused, Since: 5}).MayRetire(5+age) {
			t.Errorf("drained for %d ms", age)
		}
	}
}

func TestKeysOfTheAudit(t *testing.T) {
	early, late := Entry{At: 999_999_999_999, WriteID: "ff"}, Entry{At: 1_763_937_600_250, WriteID: "00"}
	if early.Key() >= late.Key() || !ValidKey(late.Key()) {
		t.Error(early.Key(), late.Key())
	}
	for _, bad := range []string{"", "1763937600250", "1763937600250#", "x763937600250#00", "1763937600250#0G", "1763937600250-00"} {
		if ValidKey(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
