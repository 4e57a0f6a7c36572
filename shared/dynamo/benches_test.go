package dynamo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/doorbell"
)

// TestAFullBenchIsOneWriteUnit: connections of API Gateway have ids of 16
// characters; twice that still fits.
func TestAFullBenchIsOneWriteUnit(t *testing.T) {
	full := func() types.AttributeValue {
		m := item{}
		for i := range doorbell.Seats {
			m[string(rune('a'+i))+"0SM9cOFvHcCIhw="[:15]] = numberValue(doorbell.Seat(doorbell.MaxSeat, doorbell.Benches-1))
		}
		return &types.AttributeValueMemberM{Value: m}
	}
	it := benchKey("", doorbell.Benches-1)
	it[bWaiting], it[bMore] = full(), numberValue(doorbell.Benches-1)
	rung := full().(*types.AttributeValueMemberM)
	for name := range rung.Value {
		if len(rung.Value) > doorbell.MaxRung {
			delete(rung.Value, name)
		}
	}
	it[bRung] = rung
	if n := ItemSize(it); n > 1024 {
		t.Errorf("a full bench has %d bytes", n)
	}
}

// TestASeatThatOurLostReplyTook: the SDK repeats a write whose reply was lost. Where
// others wait it may be another's write of the same millisecond, whose job is not ours.
func TestASeatThatOurLostReplyTook(t *testing.T) {
	for waiting, want := range map[string]bool{``: true, `"d":{"N":"8"}`: false} {
		net := &canned{replies: []reply{{}, failure("ConditionalCheckFailedException", `,"Item":{"k":{"S":"bench#0"},"w":{"M":{`+waiting+`}},"r":{"M":{"c":{"N":"123"}}}}`)}}
		_, taken, err := on(t, net).Benches().Take(t.Context(), 0, "c", 7, 123, "")
		if err != nil || taken != want {
			t.Errorf("others wait: %q; taken %v, %v", waiting, taken, err)
		}
	}
}
