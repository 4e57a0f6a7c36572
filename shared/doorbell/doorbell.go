// Package doorbell holds the rules of the benches: which runners wait for a ring,
// and the message of a ring. It is pure; package dispatch has the order of the steps.
//
// A runner that has found no job sits down: a bench gets a seat for its
// connection. The writer that makes a job claimable takes one seat off a bench and
// posts to its connection. Every step that takes a seat off is conditional on
// its number, so that no two rings are for the same seat.
//
// A bench stays below 1 KB, which is one write unit of DynamoDB: 24 seats and 8
// rung connections. When the first bench is full more are opened, as a chain. The
// first bench has their number in More, and is the only one that is read while no
// runner waits.
//
// Runners that serve the same pools wait on one chain. Runners of one pool have that
// of the pool, and the first bench there has in Beside the chains of runners that
// serve others too. So a ring for a pool reads one bench while no runner waits.
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

// RungAgain is the time after which a ring counts as not heard.
const RungAgain = 10 * time.Second

// Of rings that come in numbers, which means less than a crowd apart on one bench,
// one in sixteen is followed by a ring for no job: some rings are lost, and some
// connections are dead and do not look it, and the runner that is rung for no job
// finds theirs. A lone ring is not followed, so a lone job costs one.
const (
	crowd   = time.Second
	oneMore = 16
)

// MaxSeat is the greatest number that JSON readers take for exact.
const MaxSeat = 1<<53 - 1

// Seat makes the number of a seat: its bench, and 45 random bits. Two seats of one
// number would be left and rung for as one. It is above 0.
func Seat(random uint64, bench int) int64 {
	return max(1<<8, int64(random<<8&MaxSeat)) | int64(bench)
}

// BenchOf returns the bench that a seat is on.
func BenchOf(seat int64) int { return int(seat & 0xff) }

// Listener is the connection of a runner.
type Listener struct {
	Connection string
	Runner     string // its name: there is one connection for each
	Credential string // the id of the credential that opened the connection
	Chain      string // on which it sits or sat last; "": that of the default pool
}

// MaxBeside is how many chains stand beside that of a pool.
const MaxBeside = 16

// Bench holds waiting connections. The zero value is an empty bench.
type Bench struct {
	Waiting map[string]int64 // seats, by connection
	Rung    map[string]int64 // by connection: when it was rung, in milliseconds since 1970, and not seen since
	More    int              // of the first bench: how many are open behind it
	// Beside are the chains of runners that serve the pool of this one among others, of
	// its first bench, and whether one of them may wait. Never changed in place.
	Beside map[string]bool
}

// Open lists the chains beside on which somebody may wait, in a fixed order.
func (b Bench) Open() []string {
	var open []string
	for name, waits := range b.Beside {
		if waits {
			open = append(open, name)
		}
	}
	slices.Sort(open)
	return open
}

// Stand returns Beside with a chain opened or closed; false if there is no room.
func (b Bench) Stand(chain string, open bool) (map[string]bool, bool) {
	next := maps.Clone(b.Beside)
	if next == nil {
		next = make(map[string]bool)
	}
	if _, known := next[chain]; !known && len(next) >= MaxBeside {
		for _, name := range slices.Sorted(maps.Keys(next)) {
			if !next[name] {
				delete(next, name)
				break
			}
		}
		if len(next) >= MaxBeside {
			return nil, false
		}
	}
	next[chain] = open
	return next, true
}

// Clone returns a copy that shares nothing.
func (b Bench) Clone() Bench {
	return Bench{maps.Clone(b.Waiting), maps.Clone(b.Rung), b.More, b.Beside}
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

// OneMore reports whether one more ring follows the ring that has just taken a seat off
// the bench. The random part of the seat decides.
func (b Bench) OneMore(connection string, seat int64, now time.Time) bool {
	for c, at := range b.Rung {
		if c != connection && now.UnixMilli()-at < crowd.Milliseconds() {
			return seat>>8%oneMore == 0
		}
	}
	return false
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
