package judge

import (
	"slices"
	"testing"
)

// TestAStatusIsAddedBetweenOthers: its number is the next free one, its severity
// another matter.
func TestAStatusIsAddedBetweenOthers(t *testing.T) {
	before := statuses
	defer func() { statuses = before }()
	added := statuses[0]
	added.status, added.name = OLE+1, "PE"
	statuses = slices.Insert(slices.Clone(before), int(WA), added)

	for _, c := range []struct{ a, b, want Status }{{AC, OLE + 1, OLE + 1}, {OLE + 1, WA, WA}, {OLE, OLE + 1, OLE}, {OLE + 2, JE, OLE + 2}} {
		v, err := Judge([]Task{{Cases: 2}}, [][]Case{{{Status: c.a}, {Status: c.b}}})
		if err != nil || v.Status != c.want || v.Tasks[0].Status != c.want {
			t.Errorf("%s and %s are %s, error %v; want %s", c.a, c.b, v.Status, err, c.want)
		}
	}
	if s, found := ParseStatus("PE"); !found || s != OLE+1 {
		t.Errorf("PE is %s, found %v", s, found)
	}
}
