package dynamo

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/job"
)

func TestItemSize(t *testing.T) {
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	n := func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
	l := func(v ...types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: v} }
	m := func(v item) types.AttributeValue { return &types.AttributeValueMemberM{Value: v} }
	for _, tc := range []struct {
		name string
		item item
		want int
	}{
		{"nothing", nil, 0},
		{"string", item{"id": s("abc")}, 5},
		{"string of UTF-8", item{"id": s("añ")}, 5},
		{"empty string", item{"id": s("")}, 2},
		{"number of one digit", item{"n": n("7")}, 3},
		{"number of two digits", item{"n": n("27")}, 3},
		{"number of three digits", item{"n": n("127")}, 4},
		{"trailing zeroes are trimmed", item{"n": n("1200000")}, 3},
		{"leading zeroes are trimmed", item{"n": n("0.0012")}, 3},
		{"zero", item{"n": n("0")}, 2},
		{"negative number", item{"n": n("-27")}, 4},
		{"milliseconds", item{"n": n("1772366400123")}, 9},
		{"number with an exponent", item{"n": n("1.5E10")}, 3},
		{"38 digits", item{"n": n(strings.Repeat("9", 38))}, 21},
		{"binary", item{"b": &types.AttributeValueMemberB{Value: make([]byte, 32)}}, 33},
		{"boolean", item{"yes": &types.AttributeValueMemberBOOL{Value: true}}, 4},
		{"null", item{"nil": &types.AttributeValueMemberNULL{Value: true}}, 4},
		{"empty list", item{"l": l()}, 4},
		{"empty map", item{"m": m(nil)}, 4},
		{"list: an element costs a byte", item{"l": l(s("ab"), n("1"))}, 1 + 3 + (1 + 2) + (1 + 2)},
		{"map: an element costs a byte and its name", item{"m": m(item{"k": s("ab")})}, 1 + 3 + (1 + 1 + 2)},
		{"nested", item{"l": l(m(item{"k": l(n("1"))}))}, 1 + 3 + 1 + (3 + 1 + 1 + (3 + 1 + 2))},
		{"string set", item{"ss": &types.AttributeValueMemberSS{Value: []string{"a", "bc"}}}, 5},
		{"number set", item{"ns": &types.AttributeValueMemberNS{Value: []string{"1", "22"}}}, 6},
		{"binary set", item{"bs": &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}}, 5},
		// The examples of two published calculators, npm dyno-item-size and ddbitemsizer.
		{"published example 1", item{"string": s("string"), "number": n("27"), "buffer": &types.AttributeValueMemberB{Value: []byte("buffer")}}, 32},
		{"published example 2", item{
			"itemType": s("SLOT"), "id": s("abc1231"), "hostName": s("Harry Mason"), "timeSlot": s("February 23, 1999"),
			"slotStatus": s("OPEN"), "createdAt": s("February 1, 1999"), "updatedAt": s("February 1, 1999"), "expiresAt": n("2099"),
		}, 141},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := ItemSize(tc.item); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// TestOpenJobIsOneWriteUnit: a job in its first attempt stays under 1 KB with
// the longest names, a receipt handle of 420 bytes and numbers as long as they get.
func TestOpenJobIsOneWriteUnit(t *testing.T) {
	const now = job.Time(1_772_366_399_999)
	j := job.CreateOp{
		Now: now, ID: strings.Repeat("i", 64), Problem: 1<<31 - 1, Language: job.Python3, Group: strings.Repeat("g", 64),
		Code: job.Artifact{Size: 10<<20 - 1, SHA256: strings.Repeat("ab", 32)},
	}.New()
	j, _ = job.SubmitOp{Now: now}.Apply(j)
	j.Bell = 99_999
	j, _ = job.ClaimOp{
		Now: now, Runner: strings.Repeat("r", 64), TokenHash: strings.Repeat("cd", 32), LeaseSeconds: 899,
		ProblemVersion: 99_999, Handle: strings.Repeat("h", 420),
	}.Apply(j)
	j, _ = job.CancelOp{Now: now}.Apply(j)
	j.Revision = 99_999
	j.WriteID = strings.Repeat("ef", 8)
	if j.State != job.Claimed || j.Attempt != 1 {
		t.Fatalf("not a job in its first attempt: %v", j)
	}
	size := ItemSize(stored(j))
	t.Logf("%d bytes", size)
	if size > 1024 {
		t.Errorf("%d bytes, want at most 1024", size)
	}
}
