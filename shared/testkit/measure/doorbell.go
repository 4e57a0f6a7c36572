package measure

import (
	"context"
	"fmt"

	"runlease/shared/auth"
	"runlease/shared/bill"
	"runlease/shared/doorbell"
	"runlease/shared/testkit/figure"
	"runlease/shared/testkit/meter"
)

// bell is a deployment with a doorbell that one runner hears.
type bell struct {
	*world
	posts int
	rows  table
	cost  map[string]meter.Call // of the benches, by row
}

const benchTable = "doorbell"

func newBell(t T) *bell {
	b := &bell{world: newWorld(t), cost: map[string]meter.Call{}}
	b.publish()
	b.create(id(90_001)) // what functions remember
	b.synced(0, b.synced(1)...)
	for _, d := range b.dispatchers {
		d.Benches, d.Posts = b.store.Benches(), b
	}
	l := doorbell.Listener{Connection: "L0SM9cOFvHcCIhw=", Runner: runner, Credential: auth.IDOf(auth.Hash(b.runnerToken))}
	benches := b.store.Benches()
	_, _, err := benches.Join(t.Context(), l)
	if err == nil { // the first one makes the bench
		_, _, err = benches.Sit(t.Context(), 0, "first", 1)
	}
	if err == nil {
		_, _, err = benches.Take(t.Context(), 0, "first", 1, 0, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Post is for dispatch.Posts.
func (b *bell) Post(context.Context, string, []byte) (bool, error) {
	b.posts++
	return false, nil
}

// Close is for dispatch.Posts.
func (b *bell) Close(context.Context, string) error { return nil }

// row notes what the last request cost, and what of it the benches.
func (b *bell) row(name string) {
	b.rows.add(name, 1, b.cleared)
	var sum meter.Call
	for _, c := range b.cleared {
		if c.Resource == benchTable {
			sum.ReadUnits += c.ReadUnits
			sum.WriteUnits += c.WriteUnits
		}
	}
	b.cost[name] = sum
}

// The rows of requests with a doorbell.
const (
	rowNobodyWaits = "create-job, nobody waits for a ring"
	rowSitsDown    = "sync, nothing there, the runner sits down"
	rowSits        = "sync, nothing there, the runner sits on its bench"
	rowRings       = "create-job, a runner is rung"
	rowRung        = "sync, one job, the runner was rung"
)

// ring goes once around: a busy runner, a runner that sits down, and a job for it.
func (b *bell) ring() {
	b.create(id(90_002))
	b.row(rowNobodyWaits)
	b.synced(0, b.synced(1)...)
	seat, _ := b.sync(`{"slots":1}`)["seat"].(float64)
	b.row(rowSitsDown)
	again, _ := b.sync(fmt.Sprintf(`{"slots":1,"seat":%.0f}`, seat))["seat"].(float64)
	b.row(rowSits)
	if seat == 0 || again != seat {
		b.t.Fatalf("sat on %.0f, then on %.0f", seat, again)
	}
	b.create(id(90_003))
	b.row(rowRings)
	if jobs := b.synced(1); len(jobs) != 1 {
		b.t.Fatalf("claimed %v", jobs)
	}
	b.row(rowRung)
}

// RingFigures is what a ring costs.
func RingFigures(t T) []figure.Figure {
	b := newBell(t)
	b.ring()
	lone := []string{rowRings, rowRung, rowSitsDown} // until the runner waits again
	sum := func(of func(meter.Call) float64, rows ...string) (n float64) {
		for _, row := range rows {
			n += of(b.cost[row])
		}
		return n
	}
	reads := func(c meter.Call) float64 { return c.ReadUnits }
	writes := func(c meter.Call) float64 { return c.WriteUnits }
	return []figure.Figure{
		figure.AtMost("ring_messages", float64(b.posts), "messages, a lone job and an idle fleet", 1),
		figure.AtMost("ring_write_units", sum(writes, lone...), "write units of benches, until the runner waits again", 3),
		figure.AtMost("ring_bench_reads", sum(reads, lone...), "read units of benches and connections", 4),
		figure.AtMost("busy_bench_reads_per_job", sum(reads, rowNobodyWaits), "read units, a busy fleet", 1),
		figure.AtMost("busy_bench_writes_per_job", sum(writes, rowNobodyWaits), "write units, a busy fleet", 0),
		figure.AtMost("seated_poll_write_units", sum(writes, rowSits), "write units of a slow poll", 0),
		figure.AtMost("seated_poll_bench_reads", sum(reads, rowSits), "read units of a slow poll", 1),
	}
}

// ringRows are the rows of requests.json with a doorbell.
func ringRows(t T) []bill.Request {
	b := newBell(t)
	b.ring()
	for _, d := range b.dispatchers {
		d.Roster = b.store
	}
	b.synced(1) // its runner has a record
	b.do("steer-runner", 200, "/ops/runners/"+runner, `{"act":"pause","why":"a test"}`)
	b.row("steer-runner, the runner is rung")
	return b.rows.rows
}
