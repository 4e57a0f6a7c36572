package measure

import (
	"testing"

	"runlease/shared/bill"
	"runlease/shared/testkit/figure"
)

// TestFigures holds what a job, a look and a million jobs cost to their budgets.
func TestFigures(t *testing.T) {
	for _, figures := range [][]figure.Figure{JobFigures(t), ShapeFigures(t), DollarFigures(t), RingFigures(t)} {
		figure.Check(t, figures, nil)
	}
}

// TestSaturationShares: with four slots a call and its receive are shared by four
// jobs; what is written for each is not.
func TestSaturationShares(t *testing.T) {
	one, four := SaturateSync(t, 40, 1), SaturateSync(t, 40, 4)
	if one.Work.APICalls != 41 || four.Work.APICalls != 11 {
		t.Errorf("got %d and %d calls, want 41 and 11", one.Work.APICalls, four.Work.APICalls)
	}
	const receives = "sqs ReceiveMessage queue"
	if one.Work.AWS[receives] != 40 || four.Work.AWS[receives] != 10 {
		t.Errorf("%s: got %d and %d, want 40 and 10", receives, one.Work.AWS[receives], four.Work.AWS[receives])
	}
	if one.Work.WriteUnits != 200 || four.Work.WriteUnits != 200 {
		t.Errorf("got %v and %v write units, want 200", one.Work.WriteUnits, four.Work.WriteUnits)
	}
	if four.Work.ReadUnits > one.Work.ReadUnits || Count(four.Work, "") > Count(one.Work, "") {
		t.Errorf("four slots cost more than one: %v, %v", four.Work, one.Work)
	}
}

// TestSaturationIsTheTable: a job of many costs what requests.json says of one.
func TestSaturationIsTheTable(t *testing.T) {
	rows, err := bill.Requests()
	if err != nil {
		t.Fatal(err)
	}
	row, s := rows["a job by sync, without heartbeats"], SaturateSync(t, 50, 1)
	for name, n := range row.AWS {
		if got := s.Create.AWS[name] + s.Work.AWS[name] + s.Verdict.AWS[name]; got != 50*n {
			t.Errorf("%s: got %d for 50 jobs, want 50 times %d", name, got, n)
		}
	}
	if got := s.Create.WriteUnits + s.Work.WriteUnits; got != 50*row.WriteUnits {
		t.Errorf("got %v write units, want 50 times %v", got, row.WriteUnits)
	}
	if got := s.Create.ReadUnits + s.Work.ReadUnits + s.Verdict.ReadUnits; got != 50*row.ReadUnits {
		t.Errorf("got %v read units, want 50 times %v", got, row.ReadUnits)
	}
}
