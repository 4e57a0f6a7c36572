package durable

import (
	"math"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// codec writes a record as a protocol buffer, or reads one. Either way it is led
// through the fields by one function for each kind of record, so that what is
// written and what is read cannot differ. A field's number is stored and never
// changes its meaning; a new field takes a new number.
//
// What a newer version of the code has added is kept when a record is written
// again: decode returns it, and the writer appends it.
type codec struct {
	out    []byte
	reads  bool
	fields []field
	err    error
}

// field is a field that was read.
type field struct {
	number protowire.Number
	value  uint64
	bytes  []byte
	whole  []byte // with its number
	known  bool
}

// encode writes a record; it is never nil.
func encode[T any](lead func(*codec, *T), record *T) []byte {
	c := codec{out: []byte{}}
	lead(&c, record)
	return c.out
}

// decode reads a record. It returns what it does not know, to be kept.
func decode[T any](lead func(*codec, *T), stored []byte) (record T, unknown []byte, err error) {
	c, _ := readers.Get().(*codec)
	defer c.free()
	for rest := stored; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return record, nil, protowire.ParseError(n)
		}
		f := field{number: number}
		m := 0
		switch kind {
		case protowire.VarintType:
			f.value, m = protowire.ConsumeVarint(rest[n:])
		case protowire.BytesType:
			f.bytes, m = protowire.ConsumeBytes(rest[n:])
		default:
			m = protowire.ConsumeFieldValue(number, kind, rest[n:])
		}
		if m < 0 {
			return record, nil, protowire.ParseError(m)
		}
		f.whole = rest[:n+m]
		rest = rest[n+m:]
		c.fields = append(c.fields, f)
	}
	lead(c, &record)
	for _, f := range c.fields {
		if !f.known {
			unknown = append(unknown, f.whole...)
		}
	}
	return record, unknown, c.err
}

// readers are used again: a start reads a million records.
var readers = sync.Pool{New: func() any { return &codec{reads: true} }}

func (c *codec) free() {
	clear(c.fields)
	c.fields, c.err = c.fields[:0], nil
	readers.Put(c)
}

// next finds a field of a number that was not read yet; it returns nil if there is none.
func (c *codec) next(n protowire.Number) *field {
	for i := range c.fields {
		if f := &c.fields[i]; f.number == n && !f.known {
			f.known = true
			return f
		}
	}
	return nil
}

func numberField[T ~int | ~int64](c *codec, n protowire.Number, v *T) {
	if c.reads {
		if f := c.next(n); f != nil {
			*v = T(protowire.DecodeZigZag(f.value))
		}
	} else if *v != 0 {
		c.out = protowire.AppendTag(c.out, n, protowire.VarintType)
		c.out = protowire.AppendVarint(c.out, protowire.EncodeZigZag(int64(*v)))
	}
}

func flagField(c *codec, n protowire.Number, v *bool) {
	var number int
	if *v {
		number = 1
	}
	numberField(c, n, &number)
	*v = number != 0
}

func textField[T ~string](c *codec, n protowire.Number, v *T) {
	if c.reads {
		if f := c.next(n); f != nil {
			*v = T(f.bytes)
		}
	} else if *v != "" {
		c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
		c.out = protowire.AppendString(c.out, string(*v))
	}
}

func floatField(c *codec, n protowire.Number, v *float64) {
	bits := int64(math.Float64bits(*v))
	numberField(c, n, &bits)
	*v = math.Float64frombits(uint64(bits))
}

func bytesField(c *codec, n protowire.Number, v *[]byte) {
	text := string(*v)
	textField(c, n, &text)
	if c.reads && text != "" {
		*v = []byte(text)
	}
}

// recordField is a record in a record; nil if it is not there.
func recordField[T any](c *codec, n protowire.Number, lead func(*codec, *T), v **T) {
	if !c.reads {
		if *v != nil {
			c.record(n, encode(lead, *v))
		}
		return
	}
	if f := c.next(n); f != nil {
		record := readInner(c, lead, f.bytes)
		*v = &record
	}
}

func listField[T any](c *codec, n protowire.Number, lead func(*codec, *T), v *[]T) {
	if !c.reads {
		for i := range *v {
			c.record(n, encode(lead, &(*v)[i]))
		}
		return
	}
	for f := c.next(n); f != nil; f = c.next(n) {
		*v = append(*v, readInner(c, lead, f.bytes))
	}
}

func textsField(c *codec, n protowire.Number, v *[]string) {
	listField(c, n, func(c *codec, text *string) { textField(c, 1, text) }, v)
}

func (c *codec) record(n protowire.Number, inner []byte) {
	c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
	c.out = protowire.AppendBytes(c.out, inner)
}

func readInner[T any](c *codec, lead func(*codec, *T), stored []byte) T {
	record, _, err := decode(lead, stored)
	if err != nil && c.err == nil {
		c.err = err
	}
	return record
}
