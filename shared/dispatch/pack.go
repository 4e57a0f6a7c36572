package dispatch

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"runlease/shared/judge"
)

// MaxPacked is how long packed outputs may be, in bytes, to be kept with the
// verdict. To write them there costs up to 1.25 dollars a million jobs, and to
// keep them for 90 days up to 2.70; to put them into S3 costs 5.00, and a
// request in the middle of a result (prices: shared/bill/prices.json). Most
// outputs are a few lines.
const MaxPacked = 2 << 10

// maxPackable is how long outputs may be, in bytes, to be worth a try. Text
// packs to a quarter or less.
const maxPackable = 16 * MaxPacked

// How outputs are packed: the first byte says it.
const (
	packedPlain    = 'p'
	packedDeflated = 'd'
)

var errPacked = errors.New("packed outputs are damaged")

// pack is the outputs of cases in few bytes: stdout and stderr of each case, in
// order, each behind its length. nil: they are too long.
func pack(cases [][]judge.Case) []byte {
	size := 0
	for _, task := range cases {
		for _, c := range task {
			if size += len(c.Stdout) + len(c.Stderr) + 2; size > maxPackable {
				return nil
			}
		}
	}
	plain := append(make([]byte, 0, size+1), packedPlain)
	for _, task := range cases {
		for _, c := range task {
			for _, text := range [...]string{c.Stdout, c.Stderr} {
				plain = append(binary.AppendUvarint(plain, uint64(len(text))), text...)
			}
		}
	}
	shortest := plain
	if len(plain) > compressFrom {
		if packed := squeeze(plain[1:]); packed != nil && len(packed) < len(plain) {
			shortest = packed
		}
	}
	if len(shortest) > MaxPacked {
		return nil
	}
	return shortest
}

// squeezers are kept: to set one up takes longer than to compress a few KB.
var squeezers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a good one
	}
	return w
}}

// squeeze deflates; nil if it could not.
func squeeze(plain []byte) []byte {
	var out bytes.Buffer
	out.WriteByte(packedDeflated)
	w := squeezers.Get().(*flate.Writer)
	defer squeezers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(plain); err != nil {
		return nil
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return out.Bytes()
}

// unpack fills the outputs of cases in.
func unpack(packed []byte, cases [][]judge.Case) error {
	if len(packed) == 0 {
		return errPacked
	}
	plain := packed[1:]
	switch packed[0] {
	case packedPlain:
	case packedDeflated:
		var err error
		if plain, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plain)), 2*maxPackable)); err != nil {
			return errPacked
		}
	default:
		return errPacked
	}
	for _, task := range cases {
		for k := range task {
			for _, text := range [...]*string{&task[k].Stdout, &task[k].Stderr} {
				length, n := binary.Uvarint(plain)
				if n <= 0 || length > uint64(len(plain)-n) {
					return errPacked
				}
				*text = string(plain[n : n+int(length)])
				plain = plain[n+int(length):]
			}
		}
	}
	if len(plain) > 0 {
		return errPacked
	}
	return nil
}
