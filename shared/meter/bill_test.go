package meter_test

import (
	"math"
	"testing"

	"runlease/shared/meter"
)

// TestBillByHand reckons the large lines of a million jobs from the price list
// by hand.
func TestBillByHand(t *testing.T) {
	prices, err := meter.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		load meter.Load
		want map[string]float64 // dollars
	}{
		{"compat, HTTP API", meter.Load{Flow: meter.Compat, Jobs: 1e6, Seconds: 8}, map[string]float64{
			"api.http": 7 * 1.00, "lambda.requests": 7 * 0.20, "dynamodb.writes": 6 * 0.625, "dynamodb.reads": 9 * 0.125, "sqs.requests": 4 * 0.50, "s3.puts": 5, "s3.gets": 0.40,
		}},
		{"compat, REST API, two minutes", meter.Load{Flow: meter.Compat, REST: true, Jobs: 1e6, Seconds: 130}, map[string]float64{
			"api.rest": (7 + 2) * 3.50, "lambda.requests": (7 + 2) * 0.20, "dynamodb.writes": (6 + 2) * 0.625, "dynamodb.reads": (9 + 2) * 0.125, "sqs.requests": (4 + 2) * 0.50,
		}},
		{"sync", meter.Load{Flow: meter.Sync, Jobs: 1e6, Seconds: 8}, map[string]float64{
			"api.http": 3 * 1.00, "lambda.requests": 3 * 0.20, "dynamodb.writes": 5 * 0.625, "dynamodb.reads": 5 * 0.125, "sqs.requests": 3 * 0.50, "s3.puts": 5, "s3.gets": 0.40,
		}},
		{"sync, outputs beside the verdict", meter.Load{Flow: meter.Sync, Jobs: 1e6, Seconds: 8, Outputs: 1500}, map[string]float64{
			"dynamodb.writes": 7 * 0.625, "s3.puts": 5,
		}},
		{"sync, outputs of their own object", meter.Load{Flow: meter.Sync, Jobs: 1e6, Seconds: 8, Outputs: 4096}, map[string]float64{
			"dynamodb.writes": 5 * 0.625, "s3.puts": 10,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := meter.Cost(tc.load)
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

// TestHeartbeats: how many a job sends follows from its length alone.
func TestHeartbeats(t *testing.T) {
	for _, tc := range []struct {
		flow    meter.Flow
		seconds float64
		want    float64
	}{
		{meter.Compat, 8, 0},
		{meter.Compat, 60, 1},
		{meter.Compat, 600, 10},
		{meter.Sync, 8, 0},
		{meter.Sync, 15, 0},
		{meter.Sync, 20, 1},
		{meter.Sync, 600, 30},
	} {
		c, err := meter.Cost(meter.Load{Flow: tc.flow, Jobs: 1, Seconds: tc.seconds})
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
	c, err := meter.Cost(meter.Load{Flow: meter.Compat, Jobs: 1e6, Seconds: 8, Runners: 20})
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
		flow    meter.Flow
		runners float64
		want    float64
	}{
		{meter.Sync, 0, 1},
		{meter.Sync, 1, 1},
		{meter.Sync, 20, 20},
		{meter.Sync, 60, 60},
		{meter.Sync, 1000, 60},
		{meter.Compat, 1, 5},
		{meter.Compat, 1000, 5},
	} {
		if got := meter.PollSeconds(tc.flow, tc.runners); got != tc.want {
			t.Errorf("%s, %g runners: got %g s, want %g", tc.flow, tc.runners, got, tc.want)
		}
	}
}

// TestPartsAreTheWhole: what a job's parts cost is what it costs, and only the
// runner's part differs between the flows.
func TestPartsAreTheWhole(t *testing.T) {
	prices, err := meter.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	dollars := map[meter.Flow]map[meter.Part]float64{}
	for _, flow := range []meter.Flow{meter.Compat, meter.Sync} {
		c, err := meter.Cost(meter.Load{Flow: flow, Jobs: 1e6, Seconds: 8, Outputs: 4096})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		dollars[flow] = map[meter.Part]float64{}
		for _, part := range meter.Parts() {
			_, dollars[flow][part] = prices.Bill(c.Parts[part])
			sum += dollars[flow][part]
			if !(dollars[flow][part] > 0) {
				t.Errorf("%s: %s costs nothing", flow, part)
			}
		}
		if _, total := prices.Bill(c.Jobs); math.Abs(sum-total) > 1e-9 || len(c.Parts) != len(meter.Parts()) {
			t.Errorf("%s: the parts cost %v, the whole %v", flow, sum, total)
		}
	}
	for _, part := range meter.Parts() {
		if same := math.Abs(dollars[meter.Compat][part]-dollars[meter.Sync][part]) < 1e-9; same == (part == meter.Work) {
			t.Errorf("%s: %v by compat, %v by sync", part, dollars[meter.Compat][part], dollars[meter.Sync][part])
		}
	}
}
