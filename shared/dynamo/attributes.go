package dynamo

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is what DynamoDB keeps under a key, or a map within it.
type item = map[string]types.AttributeValue

func numberValue(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func numbersValue(ns ...int64) types.AttributeValue {
	list := make([]types.AttributeValue, len(ns))
	for i, n := range ns {
		list[i] = numberValue(n)
	}
	return &types.AttributeValueMemberL{Value: list}
}

// writer lists the attributes of an item, those too that are zero or empty, which
// are left out of the item. Two items of a kind list the same names, as a rule at
// the same places, so that what differs is found without making either.
type writer []attribute

// named finds an attribute by its name, first at the place where it should be;
// nil: it is not listed.
func (w writer) named(place int, name string) *attribute {
	if place < len(w) && w[place].name == name {
		return &w[place]
	}
	for i := range w {
		if w[i].name == name {
			return &w[i]
		}
	}
	return nil
}

// attribute is a name with one of the other fields.
type attribute struct {
	name   string
	kind   kind
	number int64                // of isNumber
	text   string               // of isText, isHex and isFlag
	maps   []writer             // of isMap and isMaps
	value  types.AttributeValue // of isValue, as it is stored
}

type kind uint8

const (
	isNumber kind = iota
	isText
	isHex  // lower-case hex as the bytes that it stands for, half as long; anything else as a text
	isFlag // true is any text
	isMap
	isMaps // a list of maps
	isValue
)

func (w *writer) number(name string, n int64) {
	*w = append(*w, attribute{name: name, kind: isNumber, number: n})
}

func (w *writer) write(name string, k kind, text string) {
	*w = append(*w, attribute{name: name, kind: k, text: text})
}

func (w *writer) text(name, s string) { w.write(name, isText, s) }

func (w *writer) hex(name, s string) { w.write(name, isHex, s) }

func (w *writer) flag(name string, set bool) {
	text := ""
	if set {
		text = "true"
	}
	w.write(name, isFlag, text)
}

func (w *writer) bytes(name string, b []byte) {
	var v types.AttributeValue
	if len(b) > 0 {
		v = &types.AttributeValueMemberB{Value: b}
	}
	w.as(name, v)
}

// sub writes a map; it returns nil if there is none.
func (w *writer) sub(name string, within writer) {
	a := attribute{name: name, kind: isMap}
	if within != nil {
		a.maps = []writer{within}
	}
	*w = append(*w, a)
}

func (w *writer) list(name string, maps []writer) {
	*w = append(*w, attribute{name: name, kind: isMaps, maps: maps})
}

// as writes a value as it is; it returns nil if there is none.
func (w *writer) as(name string, v types.AttributeValue) {
	*w = append(*w, attribute{name: name, kind: isValue, value: v})
}

// item is what DynamoDB keeps.
func (w writer) item() item {
	it := make(item, len(w))
	for i := range w {
		if !w[i].empty() {
			it[w[i].name] = w[i].stored()
		}
	}
	return it
}

func (a *attribute) empty() bool {
	return a.number == 0 && a.text == "" && len(a.maps) == 0 && a.value == nil
}

// stored is the attribute's value in an item.
func (a *attribute) stored() types.AttributeValue {
	switch a.kind {
	case isNumber:
		return numberValue(a.number)
	case isHex:
		if b, err := hex.DecodeString(a.text); err == nil && strings.ToLower(a.text) == a.text {
			return &types.AttributeValueMemberB{Value: b}
		}
	case isText:
	case isFlag:
		return &types.AttributeValueMemberBOOL{Value: true}
	case isMap:
		return &types.AttributeValueMemberM{Value: a.maps[0].item()}
	case isMaps:
		return mapsValue(a.maps)
	case isValue:
		return a.value
	}
	return &types.AttributeValueMemberS{Value: a.text}
}

func mapsValue(maps []writer) types.AttributeValue {
	list := make([]types.AttributeValue, len(maps))
	for i, m := range maps {
		list[i] = &types.AttributeValueMemberM{Value: m.item()}
	}
	return &types.AttributeValueMemberL{Value: list}
}

// same reports whether two attributes have the same name and value.
func (a *attribute) same(b *attribute) bool {
	return a.name == b.name && a.kind == b.kind && a.number == b.number && a.text == b.text && slices.EqualFunc(a.maps, b.maps, writer.same) && reflect.DeepEqual(a.value, b.value)
}

// same reports whether two maps list the same attributes.
func (w writer) same(other writer) bool {
	for i := range w {
		if o := other.named(i, w[i].name); o == nil || !w[i].same(o) {
			return false
		}
	}
	return len(w) == len(other)
}

// reader takes an item apart. It keeps the first attribute that is not what it
// should be as an error.
type reader struct {
	item item
	err  error
}

func (r *reader) wrong(name string, v types.AttributeValue) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s is an unexpected %T", name, v)
	}
}

func (r *reader) number(name string) int64 {
	v, exists := r.item[name]
	if !exists {
		return 0
	}
	return r.numberOf(name, v)
}

func (r *reader) numberOf(name string, v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		r.wrong(name, v)
		return 0
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("attribute %s: %w", name, err)
	}
	return i
}

// numbers reads a list of as many numbers as are wanted; it returns nil if there is none.
func (r *reader) numbers(name string, want int) []int64 {
	v, exists := r.item[name]
	if !exists {
		return nil
	}
	return r.numbersOf(name, v, want)
}

func (r *reader) numbersOf(name string, v types.AttributeValue, want int) []int64 {
	ns := make([]int64, want)
	list, ok := v.(*types.AttributeValueMemberL)
	// A newer version of the code may have added some.
	if !ok || len(list.Value) < want {
		r.wrong(name, v)
		return ns
	}
	for i := range ns {
		ns[i] = r.numberOf(name, list.Value[i])
	}
	return ns
}

func (r *reader) text(name string) string {
	switch v := r.item[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.wrong(name, v)
		return ""
	}
}

func (r *reader) flag(name string) bool {
	switch v := r.item[name].(type) {
	case nil:
		return false
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.wrong(name, v)
		return false
	}
}

func (r *reader) bytes(name string) []byte {
	switch v := r.item[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.wrong(name, v)
		return nil
	}
}

// hex reads what a writer stored as isHex.
func (r *reader) hex(name string) string {
	if s, ok := r.item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	var digits [64]byte // of a SHA-256
	return string(hex.AppendEncode(digits[:0], r.bytes(name)))
}

// list reads a list; it returns nil if there is none.
func (r *reader) list(name string) []types.AttributeValue {
	switch v := r.item[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberL:
		return v.Value
	default:
		r.wrong(name, v)
		return nil
	}
}

// sub reads a map within the item; it returns false if there is none. Its errors are the
// reader's.
func (r *reader) sub(name string, read func(*reader)) bool {
	v, exists := r.item[name]
	if exists {
		r.subOf(name, v, read)
	}
	return exists
}

func (r *reader) subOf(name string, v types.AttributeValue, read func(*reader)) {
	m, ok := v.(*types.AttributeValueMemberM)
	if !ok {
		r.wrong(name, v)
		return
	}
	within := reader{item: m.Value}
	read(&within)
	if within.err != nil && r.err == nil {
		r.err = fmt.Errorf("in %s: %w", name, within.err)
	}
}
