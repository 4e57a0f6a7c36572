package measure

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/testkit/figure"
)

// perSecond is how many jobs a second the index of open jobs has to take. Each
// costs its key one write unit when it is queued and one when it ends.
const (
	perSecond     = 2_000
	writesPerJob  = 2
	unitsOfOneKey = 1_000 // that DynamoDB takes in a second
)

// IDs are the ids that backends give their submissions, by kind, in the order
// in which they are handed in.
func IDs() map[string]func(i int) string {
	// The same bytes for the same i, whichever goroutine asks first.
	bytes := func(i int) (b [16]byte) {
		random := rand.NewPCG(1, uint64(i))
		binary.BigEndian.PutUint64(b[:], random.Uint64())
		binary.BigEndian.PutUint64(b[8:], random.Uint64())
		return b
	}
	uuid := func(b [16]byte, version byte) string {
		b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	ms := func(i int) uint64 { return uint64(at.Add(time.Duration(i) * time.Second / perSecond).UnixMilli()) }
	return map[string]func(int) string{
		"numbers":         func(i int) string { return fmt.Sprint(1_000_000 + i) },
		"even numbers":    func(i int) string { return fmt.Sprint(1_000_000 + 2*i) },
		"every hundredth": func(i int) string { return fmt.Sprint(100 * i) },
		"padded numbers":  func(i int) string { return fmt.Sprintf("%012d", i) },
		"prefixed":        func(i int) string { return fmt.Sprintf("contest-42-%d", i) },
		"object ids":      func(i int) string { return fmt.Sprintf("%08x3f9c4be1a7%06x", at.Unix()+int64(i/perSecond), 0xa3c5f0+i) },
		"hex numbers":     func(i int) string { return fmt.Sprintf("%x", 0x10000+i) },
		"hashes":          func(i int) string { b := bytes(i); return hex.EncodeToString(b[:]) },
		"UUIDs v4":        func(i int) string { return uuid(bytes(i), 4) },
		"UUIDs v7": func(i int) string {
			b := bytes(i)
			var stamp [8]byte
			binary.BigEndian.PutUint64(stamp[:], ms(i))
			copy(b[:6], stamp[2:])
			return uuid(b, 7)
		},
	}
}

// Share is the largest part of the index's writes that one of its keys gets
// within any second of ten, at the pace of perSecond.
func Share(id func(i int) string) float64 {
	largest := 0
	for second := range 10 {
		byKey := map[string]int{}
		for i := range perSecond {
			byKey[dynamo.OpenKey(id(second*perSecond+i))]++
		}
		for _, n := range byKey {
			largest = max(largest, n)
		}
	}
	return float64(largest) / perSecond
}

// ShareFigures is how even the index of open jobs is spread.
func ShareFigures() []figure.Figure {
	worst := 0.0
	for _, id := range IDs() {
		worst = max(worst, Share(id))
	}
	const evenness = 1.25 // of the largest share to an even one
	return []figure.Figure{
		figure.AtMost("index_key_share", worst, "of the index's writes", evenness/dispatch.Shards),
		figure.AtMost("index_key_write_units_per_second", worst*perSecond*writesPerJob, "write units/s at 2,000 jobs/s", unitsOfOneKey),
	}
}
