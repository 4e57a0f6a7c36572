// Package doorbell holds the rules of the benches: which runners wait for a ring,
// and what a ring says. It is pure; package dispatch has the order of the steps.
//
// A runner that has found no job sits down: a bench gets a seat for its
// connection. Whoever makes a job claimable takes one seat off a bench and
// posts to its connection. Every step that takes a seat off is conditional on
// its number, so that no two rings are for the same seat.
//
// A bench stays below 1 KB, which is one write unit of DynamoDB: 24 who wait and 8
// who were rung. When the first one is full more are opened, as a chain. The
// first one has their number in More, and is the only one that is read while
// nobody waits.
package doorbell

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// The sizes of benches.
const (
	Seats   = 24  // of a bench
	MaxRung = 8   // connections that a bench remembers to have rung
	Benches = 209 // at most: 5,000 runners wait on them
)

// MaxListeners is how many connections a server keeps at most.
const MaxListeners = 5000

// RungAgain is how long after a ring a runner counts as one that has not heard it.
const RungAgain = 10 * time.Second

// MaxSeat is the greatest number that JSON readers take for exact.
const MaxSeat = 1<<53 - 1

// epoch keeps seats below MaxSeat until 2094.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Seat makes the number of a seat: when it was taken, in milliseconds, a random
// part, because two runners may sit down in the same millisecond, and its bench.
// It is above 0.
func Seat(now time.Time, random byte, bench int) int64 {
	return max(1, now.Sub(epoch).Milliseconds())<<12 | int64(random&0xf)<<8 | int64(bench)
}

// BenchOf returns the bench that a seat is on.
func BenchOf(seat int64) int { return int(seat & 0xff) }

// Listener is a connection, and who listens.
type Listener struct {
	Connection string
	Runner     string // its name: there is one connection for each
	Credential string // the id of the one that the connection was opened with
}

// Bench is who waits. The zero value is an empty bench.
type Bench struct {
	Waiting map[string]int64 // seats, by connection
	Rung    map[string]int64 // by connection: when it was rung, in milliseconds since 1970, and not seen since
	More    int              // of the first bench: how many are open behind it
}

// Clone returns a copy that shares nothing.
func (b Bench) Clone() Bench {
	return Bench{maps.Clone(b.Waiting), maps.Clone(b.Rung), b.More}
}

// Sitters lists the connections that wait, in a fixed order.
func (b Bench) Sitters() []string { return slices.Sorted(maps.Keys(b.Waiting)) }

// On returns the connection that has a seat; false if it was taken off.
func (b Bench) On(seat int64) (connection string, sits bool) {
	for c, s := range b.Waiting {
		if s == seat {
			return c, true
		}
	}
	return "", false
}

// Unheard lists the connections that were rung so long ago that the ring counts
// as lost, those of the longest silence first.
func (b Bench) Unheard(now time.Time) []string {
	var list []string
	for c, at := range b.Rung {
		if now.UnixMilli()-at >= RungAgain.Milliseconds() {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, b.byRing)
	return list
}

// Forgotten returns the connection that must make room in Rung for another one;
// "" if there is room.
func (b Bench) Forgotten(connection string) string {
	if _, known := b.Rung[connection]; known || len(b.Rung) < MaxRung {
		return ""
	}
	return slices.MinFunc(slices.Sorted(maps.Keys(b.Rung)), b.byRing)
}

func (b Bench) byRing(x, y string) int {
	return cmp.Or(cmp.Compare(b.Rung[x], b.Rung[y]), cmp.Compare(x, y))
}

// Ring is the message that a rung runner gets: the number of the seat that was
// taken off the bench, or 0, which means "look".
func Ring(seat int64) []byte { return []byte(`{"ring":` + strconv.FormatInt(seat, 10) + `}`) }
