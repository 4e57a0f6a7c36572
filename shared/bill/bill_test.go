package bill_test

import (
	"math"
	"testing"

	"runlease/shared/bill"
)

// TestBillByHand reckons the large lines of a million jobs from the price list
// by hand. Beside what a job takes, each function that hands out jobs reads the record
// of its runner and the pauses once a minute, and the record is written every five
// minutes.
func TestBillByHand(t *testing.T) {
	prices, err := bill.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		load bill.Load
		want map[string]float64 // dollars
	}{
		{"compat, HTTP API", bill.Load{Flow: bill.Compat, Jobs: 1e6, Seconds: 8}, map[string]float64{
			"api.http": 7 * 1.00, "lambda.requests": 7 * 0.20, "dynamodb.writes": (9 + 8.0/300) * 0.625, "dynamodb.reads": (10 + 2*1.5*8.0/60) * 0.125, "sqs.requests": 4 * 0.50,
		}},
		{"compat, REST API, two minutes", bill.Load{Flow: bill.Compat, REST: true, Jobs: 1e6, Seconds: 130}, map[string]float64{
			"api.rest": (7 + 2) * 3.50, "lambda.requests": (7 + 2) * 0.20, "dynamodb.writes": (9 + 2 + 130.0/300) * 0.625, "dynamodb.reads": (10 + 2 + 2*1.5) * 0.125, "sqs.requests": (4 + 2) * 0.50,
		}},
		{"sync", bill.Load{Flow: bill.Sync, Jobs: 1e6, Seconds: 8}, map[string]float64{
			"api.http": 3 * 1.00, "lambda.requests": 3 * 0.20, "dynamodb.writes": (8 + 8.0/300) * 0.625, "dynamodb.reads": (6 + 1.5*8.0/60) * 0.125, "sqs.requests": 3 * 0.50,
		}},
		{"sync, code of two write units", bill.Load{Flow: bill.Sync, Jobs: 1e6, Seconds: 8, Code: 1900}, map[string]float64{
			"dynamodb.writes": (9 + 8.0/300) * 0.625, "dynamodb.reads": (6 + 1.5*8.0/60) * 0.125,
		}},
		{"sync, code as an object", bill.Load{Flow: bill.Sync, Jobs: 1e6, Seconds: 8, Code: 1901}, map[string]float64{
			"dynamodb.writes": (7 + 8.0/300) * 0.625, "dynamodb.reads": (5 + 1.5*8.0/60) * 0.125, "s3.puts": 5, "s3.gets": 0.40,
		}},
		{"sync, outputs beside the verdict", bill.Load{Flow: bill.Sync, Jobs: 1e6, Seconds: 8, Outputs: 1500}, map[string]float64{
			"dynamodb.writes": (10 + 8.0/300) * 0.625,
		}},
		{"sync, outputs in an object", bill.Load{Flow: bill.Sync, Jobs: 1e6, Seconds: 8, Outputs: 4096}, map[string]float64{
			"dynamodb.writes": (8 + 8.0/300) * 0.625, "s3.puts": 5,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := bill.Cost(tc.load)
			if err != nil {
				t.Fatal(err)
			}
			lines, total := prices.Bill(c.Jobs)
			sum, found := 0.0, 0
			for _, l := range lines {
				sum += l.Dollars
				if want, asked := tc.want[l.Name]; asked {
					found++
					if math.Abs(l.Dollars-want) > 1e-9 {
						t.Errorf("%s: got %v dollars, want %v", l.Name, l.Dollars, want)
					}
				}
			}
			if found != len(tc.want) || math.Abs(sum-total) > 1e-9 {
				t.Errorf("got %v, in all %v", lines, total)
			}
		})
	}
}

// TestMetricsOfPools: four of the metrics have a value for each pool, if there are several,
// and each beside the default one has two alarms.
func TestMetricsOfPools(t *testing.T) {
	for pools, want := range map[float64]float64{0: 15, 1: 15, 2: 15 + 2*4, 5: 15 + 5*4} {
		c, err := bill.Cost(bill.Load{Flow: bill.Sync, Pools: pools})
		if got := c.Standing["cloudwatch.metrics"]; err != nil || got != want {
			t.Errorf("%v pools: %v metrics, want %v (%v)", pools, got, want, err)
		}
		one, _ := bill.Cost(bill.Load{Flow: bill.Sync})
		if got, want := c.Standing["cloudwatch.alarms"]-one.Standing["cloudwatch.alarms"], 2*max(0, pools-1); got != want {
			t.Errorf("%v pools: %v alarms more, want %v", pools, got, want)
		}
	}
}

// TestHeartbeats: how many a job sends follows from its length alone.
func TestHeartbeats(t *testing.T) {
	for _, tc := range []struct {
		flow    bill.Flow
		seconds float64
		want    float64
	}{
		{bill.Compat, 8, 0},
		{bill.Compat, 60, 1},
		{bill.Compat, 600, 10},
		{bill.Sync, 8, 0},
		{bill.Sync, 15, 0},
		{bill.Sync, 20, 1},
		{bill.Sync, 600, 30},
	} {
		c, err := bill.Cost(bill.Load{Flow: tc.flow, Jobs: 1, Seconds: tc.seconds})
		if err != nil {
			t.Fatal(err)
		}
		if c.Heartbeats != tc.want {
			t.Errorf("%s, %g s: got %g heartbeats, want %g", tc.flow, tc.seconds, c.Heartbeats, tc.want)
		}
	}
}

// TestIdleRunnersWait: the time that they are not at work, at the server's pace.
func TestIdleRunnersWait(t *testing.T) {
	c, err := bill.Cost(bill.Load{Flow: bill.Compat, Jobs: 1e6, Seconds: 8, Runners: 20})
	if err != nil {
		t.Fatal(err)
	}
	// A month is 2,628,000 s; polls are 5 s apart, heartbeats a minute.
	if want := (20*2_628_000.0 - 8e6) / 5; c.Polls != want || c.IdleHeartbeats != want/12 {
		t.Errorf("got %v polls and %v heartbeats, want %v and %v", c.Polls, c.IdleHeartbeats, want, want/12)
	}
}

// TestPollSeconds: by sync an idle fleet polls once a second, a large one once a
// minute each.
func TestPollSeconds(t *testing.T) {
	for _, tc := range []struct {
		flow    bill.Flow
		runners float64
		want    float64
	}{
		{bill.Sync, 0, 1},
		{bill.Sync, 1, 1},
		{bill.Sync, 20, 20},
		{bill.Sync, 60, 60},
		{bill.Sync, 1000, 60},
		{bill.Compat, 1, 5},
		{bill.Compat, 1000, 5},
	} {
		if got := bill.PollSeconds(tc.flow, tc.runners); got != tc.want {
			t.Errorf("%s, %g runners: got %g s, want %g", tc.flow, tc.runners, got, tc.want)
		}
	}
}

// TestPartsAreTheWhole: what a job's parts cost is what it costs, and only the
// runner's part differs between the flows.
func TestPartsAreTheWhole(t *testing.T) {
	prices, err := bill.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	dollars := map[bill.Flow]map[bill.Part]float64{}
	for _, flow := range []bill.Flow{bill.Compat, bill.Sync} {
		c, err := bill.Cost(bill.Load{Flow: flow, Jobs: 1e6, Seconds: 8, Outputs: 4096})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		dollars[flow] = map[bill.Part]float64{}
		for _, part := range bill.Parts() {
			_, dollars[flow][part] = prices.Bill(c.Parts[part])
			sum += dollars[flow][part]
			if !(dollars[flow][part] > 0) {
				t.Errorf("%s: %s costs nothing", flow, part)
			}
		}
		if _, total := prices.Bill(c.Jobs); math.Abs(sum-total) > 1e-9 || len(c.Parts) != len(bill.Parts()) {
			t.Errorf("%s: the parts cost %v, the whole %v", flow, sum, total)
		}
	}
	for _, part := range bill.Parts() {
		if same := math.Abs(dollars[bill.Compat][part]-dollars[bill.Sync][part]) < 1e-9; same == (part == bill.Work || part == bill.Operator) {
			t.Errorf("%s: %v by compat, %v by sync", part, dollars[bill.Compat][part], dollars[bill.Sync][part])
		}
	}
}
