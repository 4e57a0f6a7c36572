package dynamo

import (
	"encoding/hex"
	"fmt"
	"strconv"

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

// writer fills an item. What is zero or empty is left out.
type writer item

func (w writer) number(name string, n int64) {
	if n != 0 {
		w[name] = numberValue(n)
	}
}

func (w writer) text(name, s string) {
	if s != "" {
		w[name] = &types.AttributeValueMemberS{Value: s}
	}
}

func (w writer) flag(name string, set bool) {
	if set {
		w[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

func (w writer) bytes(name string, b []byte) {
	if len(b) > 0 {
		w[name] = &types.AttributeValueMemberB{Value: b}
	}
}

// hex writes lower-case hex as the bytes that it stands for, half as long;
// anything else as it is.
func (w writer) hex(name, s string) {
	b, err := hex.DecodeString(s)
	if err != nil || hex.EncodeToString(b) != s {
		w.text(name, s)
		return
	}
	w.bytes(name, b)
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

// numbers reads a list of as many numbers as are wanted; nil: there is none.
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

// hex reads what writer.hex wrote.
func (r *reader) hex(name string) string {
	if s, ok := r.item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return hex.EncodeToString(r.bytes(name))
}

// list reads a list; nil: there is none.
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

// sub reads a map within the item; false: there is none. Its errors are the
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
