package canned

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expressions is what an expression's placeholders stand for.
type expressions struct {
	names  map[string]string
	values Item
}

var (
	equals    = regexp.MustCompile(`^(#\w+) = (:\w+)$`)
	absent    = regexp.MustCompile(`^attribute_not_exists \((#\w+)\)$`)
	present   = regexp.MustCompile(`^attribute_exists \((#\w+)\)$`)
	keyTerm   = regexp.MustCompile(`(#\w+) (=|>) (:\w+)`)
	assign    = regexp.MustCompile(`^(#\w+) = (.+)$`)
	placed    = regexp.MustCompile(`^:\w+$`)
	appending = regexp.MustCompile(`^list_append ?\((#\w+), (:\w+)\)$`)
	ifAbsent  = regexp.MustCompile(`^if_not_exists ?\((#\w+), (:\w+)\)$`)
)

// holds evaluates a condition; the empty one holds.
func (e expressions) holds(condition string, it Item) (bool, error) {
	if condition == "" {
		return true, nil
	}
	if m := equals.FindStringSubmatch(condition); m != nil {
		return reflect.DeepEqual(it[e.names[m[1]]], e.values[m[2]]), nil
	}
	if m := absent.FindStringSubmatch(condition); m != nil {
		return it[e.names[m[1]]] == nil, nil
	}
	if m := present.FindStringSubmatch(condition); m != nil {
		return it[e.names[m[1]]] != nil, nil
	}
	return false, invalid("condition %q is not canned", condition)
}

// apply changes an item by an update expression.
func (e expressions) apply(update string, it Item) error {
	for _, clause := range strings.Split(strings.TrimSpace(update), "\n") {
		verb, list, _ := strings.Cut(clause, " ")
		for _, part := range commas(list) {
			switch verb {
			case "REMOVE":
				name, known := e.names[part]
				if !known {
					return invalid("path %q is not canned", part)
				}
				delete(it, name)
			case "SET":
				m := assign.FindStringSubmatch(part)
				if m == nil {
					return invalid("action %q is not canned", part)
				}
				v, err := e.value(m[2], it)
				if err != nil {
					return err
				}
				it[e.names[m[1]]] = v
			default:
				return invalid("clause %q is not canned", verb)
			}
		}
	}
	return nil
}

func (e expressions) value(text string, it Item) (types.AttributeValue, error) {
	if placed.MatchString(text) && e.values[text] != nil {
		return e.values[text], nil
	}
	if m := ifAbsent.FindStringSubmatch(text); m != nil {
		if v := it[e.names[m[1]]]; v != nil {
			return v, nil
		}
		return e.values[m[2]], nil
	}
	if m := appending.FindStringSubmatch(text); m != nil {
		before, ok1 := it[e.names[m[1]]].(*types.AttributeValueMemberL)
		more, ok2 := e.values[m[2]].(*types.AttributeValueMemberL)
		if ok1 && ok2 {
			all := append(append([]types.AttributeValue{}, before.Value...), more.Value...)
			return &types.AttributeValueMemberL{Value: all}, nil
		}
	}
	return nil, invalid("value %q is not canned", text)
}

// commas splits a list at the commas that are in no parentheses.
func commas(list string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range list {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	return append(parts, strings.TrimSpace(list[from:]))
}
