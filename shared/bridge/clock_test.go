package bridge

import (
	"testing"
	"time"
)

// TestClockIsSet: a look at a problem counts by what the machine's clock says, unless
// that was set in between; and a submission that came before the clock was set back
// waits for no time that is still to come.
func TestClockIsSet(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		asked, wall, since time.Duration // from now on
		want               bool
	}{
		"looked at since":                              {-time.Second, -time.Second, -time.Minute, true},
		"looked at before":                             {-time.Minute, -time.Minute, -time.Second, false},
		"the clock was set back since the look":        {-time.Minute, time.Hour, -time.Second, false},
		"it was set forward since the look":            {-time.Minute, -time.Hour, -2 * time.Hour, false},
		"it was set back between submission and look":  {-time.Second, -time.Second, time.Hour, true},
		"it was set back before both, and looked long": {-time.Minute, -time.Minute, -30 * time.Second, false},
	} {
		p := problem{askedAt: now.Add(c.asked), wall: now.Round(0).Add(c.wall)}
		if got := p.isSince(now.Round(0).Add(c.since), now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if new(problem).isSince(time.Time{}, now) {
		t.Error("a problem that was never looked at is known")
	}
}
