package meter_test

import (
	"testing"

	"runlease/shared/testkit/meter"
)

const kb = 1024

// The examples of the Amazon DynamoDB Developer Guide.
//
// Reads and writes:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// Conditional writes, and what does not exist:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
// Global secondary indexes:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
func TestDocumentedExamples(t *testing.T) {
	half := func(n int) int { return n * kb / 2 } // sizes in half KB
	for _, tc := range []struct {
		name string
		got  float64
		want float64
	}{
		{"strong read of 4 KB", meter.ReadUnits(4*kb, true), 1},
		{"strong read of 3,500 bytes", meter.ReadUnits(3500, true), 1},
		{"strong read of 8 KB", meter.ReadUnits(8*kb, true), 2},
		{"eventual read of 4 KB", meter.ReadUnits(4*kb, false), 0.5},
		{"eventual read of 8 KB", meter.ReadUnits(8*kb, false), 1},
		{"transactional read of 8 KB", meter.Transactional * meter.ReadUnits(8*kb, true), 4},
		{"strong read of 10 KB is 12 KB", meter.ReadUnits(10*kb, true), 3},
		{"batch: 1.5 KB and 6.5 KB are 12 KB", meter.ReadUnits(half(3), true) + meter.ReadUnits(half(13), true), 3},
		{"query: items of 40.8 KB in all are 44 KB", meter.ReadUnits(41780, true), 11},
		{"query: 1,500 items of 64 bytes are 96 KB", meter.ReadUnits(1500*64, true), 24},
		{"strong read of what does not exist", meter.ReadUnits(meter.Absent, true), 1},
		{"eventual read of what does not exist", meter.ReadUnits(meter.Absent, false), 0.5},

		{"write of 500 bytes", meter.WriteUnits(meter.Absent, 500), 1},
		{"write of 1 KB", meter.WriteUnits(meter.Absent, kb), 1},
		{"write of 1 KB and a byte", meter.WriteUnits(meter.Absent, kb+1), 2},
		{"write of 3.5 KB", meter.WriteUnits(meter.Absent, half(7)), 4},
		{"transactional write of 3 KB", meter.Transactional * meter.WriteUnits(meter.Absent, 3*kb), 6},
		{"update: the larger of before and after", meter.WriteUnits(3*kb, kb), 3},
		{"delete: the deleted item", meter.WriteUnits(2*kb, meter.Absent), 2},
		{"delete of what does not exist", meter.WriteUnits(meter.Absent, meter.Absent), 1},
		{"condition fails: 300 KB there, 310 KB to be written", meter.RefusedUnits(300 * kb), 300},
		{"condition fails: nothing there", meter.RefusedUnits(meter.Absent), 1},

		{"index: the key appears", meter.IndexUnits(meter.Absent, 100, false, true), 1},
		{"index: the key changes", meter.IndexUnits(100, 100, false, true), 2},
		{"index: the key goes", meter.IndexUnits(100, meter.Absent, false, true), 1},
		{"index: no key before or after", meter.IndexUnits(meter.Absent, meter.Absent, false, true), 0},
		{"index: a projected attribute changes", meter.IndexUnits(100, 100, true, true), 1},
		{"index: nothing of the entry changes", meter.IndexUnits(100, 100, true, false), 0},
		{"index: an entry of 2 KB moves", meter.IndexUnits(2*kb, 2*kb, false, true), 4},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}
