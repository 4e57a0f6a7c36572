package meter

// The steps in which DynamoDB counts, in bytes.
const (
	writeStep = 1 << 10
	readStep  = 4 << 10
)

// Absent is the size of an item that does not exist.
const Absent = -1

// Transactional is what the units of a write or read are multiplied with when
// it is part of a transaction.
const Transactional = 2

// WriteUnits are the write units of one put, update or delete, which are those
// of the larger of the item before and after, in bytes; Absent if there is none.
// A write that finds nothing to delete costs one.
func WriteUnits(before, after int) float64 { return steps(max(before, after), writeStep) }

// RefusedUnits are the write units of a write whose condition does not hold.
// They are those of the item that is there, in bytes, whatever was to be
// written; Absent if there is none, and it costs one anyway.
func RefusedUnits(current int) float64 { return steps(current, writeStep) }

// ReadUnits are the read units of one item of a GetItem or BatchGetItem, or of
// all items together that a Query has read, in bytes. Looking for what does not
// exist costs as much as an item of up to 4 KB.
func ReadUnits(size int, consistent bool) float64 {
	if consistent {
		return steps(size, readStep)
	}
	return steps(size, readStep) / 2
}

// IndexUnits are the write units that one write to a table costs one of its
// indexes. before and after are the sizes of the entry in bytes, Absent if there
// is none; sameKey says that the entry stays under its keys, changed that
// anything in it differs. An entry that moves is deleted and put.
func IndexUnits(before, after int, sameKey, changed bool) float64 {
	switch {
	case before == Absent && after == Absent:
		return 0
	case before == Absent || after == Absent:
		return WriteUnits(before, after)
	case !sameKey:
		return WriteUnits(before, Absent) + WriteUnits(Absent, after)
	case changed:
		return WriteUnits(before, after)
	}
	return 0
}

// steps rounds up; nothing at all is one step too.
func steps(size, step int) float64 { return float64(max(1, (size+step-1)/step)) }
