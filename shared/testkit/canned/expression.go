package canned

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expressions is what an expression's placeholders stand for.
type expressions struct {
	names  map[string]string
	values Item
}

const path = `([#\w]+(?:\[\d+\])?(?:\.[#\w]+)?)` // an attribute, or one of a map, which may be in a list

var (
	compares  = regexp.MustCompile(`^` + path + ` (=|<=|>=) (:\w+)$`)
	absent    = regexp.MustCompile(`^attribute_not_exists ?\(` + path + `\)$`)
	present   = regexp.MustCompile(`^attribute_exists ?\(` + path + `\)$`)
	smaller   = regexp.MustCompile(`^size\(` + path + `\) < (:\w+)$`)
	keyTerm   = regexp.MustCompile(`(#\w+) (=|>|<|BETWEEN) (:\w+)(?: AND (:\w+))?`)
	assign    = regexp.MustCompile(`^` + path + ` = (.+)$`)
	inList    = regexp.MustCompile(`^([#\w]+)\[(\d+)\]$`)
	placed    = regexp.MustCompile(`^:\w+$`)
	appending = regexp.MustCompile(`^list_append ?\((#\w+), (:\w+)\)$`)
	ifAbsent  = regexp.MustCompile(`^if_not_exists ?\((#\w+), (:\w+)\)$`)
)

// at finds where a path leads: the map that holds the attribute, nil if there is
// none, and its name there.
func (e expressions) at(path string, it Item) (Item, string) {
	name := func(part string) string {
		if full, known := e.names[part]; known {
			return full
		}
		return part
	}
	outer, inner, nested := strings.Cut(path, ".")
	if !nested {
		return it, name(path)
	}
	if m := inList.FindStringSubmatch(outer); m != nil {
		return elementOf(it, name(m[1]), m[2]), name(inner)
	}
	within, isMap := it[name(outer)].(*types.AttributeValueMemberM)
	if !isMap {
		return nil, ""
	}
	return within.Value, name(inner)
}

// elementOf is a map in a list; both are copied, since what was before shares them.
func elementOf(it Item, name, index string) Item {
	list, isList := it[name].(*types.AttributeValueMemberL)
	i, err := strconv.Atoi(index)
	if !isList || err != nil || i >= len(list.Value) {
		return nil
	}
	within, isMap := list.Value[i].(*types.AttributeValueMemberM)
	if !isMap {
		return nil
	}
	all, own := slices.Clone(list.Value), maps.Clone(within.Value)
	all[i] = &types.AttributeValueMemberM{Value: own}
	it[name] = &types.AttributeValueMemberL{Value: all}
	return own
}

// holds evaluates a condition; the empty one holds. OR binds less than AND, and
// parentheses stand around whole alternatives.
func (e expressions) holds(condition string, it Item) (bool, error) {
	if condition == "" {
		return true, nil
	}
	for _, operator := range []string{" OR ", " AND "} {
		parts := split(condition, operator)
		if len(parts) == 1 {
			continue
		}
		for _, part := range parts {
			if is, err := e.holds(part, it); err != nil || is == (operator == " OR ") {
				return is, err
			}
		}
		return operator == " AND ", nil
	}
	if condition[0] == '(' {
		return e.holds(condition[1:len(condition)-1], it)
	}
	value := func(path string) types.AttributeValue {
		in, name := e.at(path, it)
		return in[name]
	}
	if m := compares.FindStringSubmatch(condition); m != nil {
		is, want := value(m[1]), e.values[m[3]]
		if m[2] != "=" {
			is, want := number(is), number(want)
			return is != nil && want != nil && (m[2] == "<=" && *is <= *want || m[2] == ">=" && *is >= *want), nil
		}
		return reflect.DeepEqual(is, want), nil
	}
	if m := absent.FindStringSubmatch(condition); m != nil {
		return value(m[1]) == nil, nil
	}
	if m := present.FindStringSubmatch(condition); m != nil {
		return value(m[1]) != nil, nil
	}
	if m := smaller.FindStringSubmatch(condition); m != nil {
		within, isMap := value(m[1]).(*types.AttributeValueMemberM)
		want := number(e.values[m[2]])
		return isMap && want != nil && float64(len(within.Value)) < *want, nil
	}
	return false, invalid("condition %q is not canned", condition)
}

// number is the value of a number; nil if it is none.
func number(v types.AttributeValue) *float64 {
	n, isNumber := v.(*types.AttributeValueMemberN)
	if !isNumber {
		return nil
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	if err != nil {
		return nil
	}
	return &f
}

// apply changes an item by an update expression.
func (e expressions) apply(update string, it Item) error {
	update = strings.NewReplacer(" SET ", "\nSET ", " REMOVE ", "\nREMOVE ", " ADD ", "\nADD ").Replace(strings.TrimSpace(update))
	for _, clause := range strings.Split(update, "\n") {
		verb, list, _ := strings.Cut(clause, " ")
		for _, part := range commas(list) {
			switch verb {
			case "REMOVE":
				in, name := e.at(part, it)
				if in == nil {
					return invalid("the path %q leads nowhere", part)
				}
				delete(in, name)
			case "ADD": // a number to an attribute of the item, which counts as 0 if it is not there
				name, by, _ := strings.Cut(part, " ")
				in, name := e.at(name, it)
				more, sum := number(e.values[by]), 0.0
				if more == nil || in == nil {
					return invalid("action %q is not canned", part)
				}
				if is := number(in[name]); is != nil {
					sum = *is
				}
				in[name] = &types.AttributeValueMemberN{Value: strconv.FormatFloat(sum+*more, 'f', -1, 64)}
			case "SET":
				m := assign.FindStringSubmatch(part)
				if m == nil {
					return invalid("action %q is not canned", part)
				}
				v, err := e.value(m[2], it)
				if err != nil {
					return err
				}
				in, name := e.at(m[1], it)
				if in == nil {
					return invalid("the path %q leads nowhere", m[1])
				}
				in[name] = v
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
func commas(list string) []string { return split(list, ",") }

// split splits a text at separators that are in no parentheses.
func split(list, separator string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range list {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && i >= from && strings.HasPrefix(list[i:], separator):
			parts = append(parts, strings.TrimSpace(list[from:i]))
			from = i + len(separator)
		}
	}
	return append(parts, strings.TrimSpace(list[from:]))
}
