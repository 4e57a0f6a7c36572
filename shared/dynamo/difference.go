package dynamo

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// difference is the update that turns one item into another: SET what is new or
// different, REMOVE what is gone. Attributes that neither has are not touched.
func difference(before, after item) expression.UpdateBuilder {
	return differenceAt(expression.UpdateBuilder{}, "", before, after)
}

func differenceAt(u expression.UpdateBuilder, path string, before, after item) expression.UpdateBuilder {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, exists := before[name]
		is := after[name]
		switch {
		case exists && reflect.DeepEqual(was, is):
		case exists && name == aPast:
			u = pastDifference(u, path+name, was, is)
		default:
			u = u.Set(expression.Name(path+name), expression.Value(is))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[name]; !kept {
			u = u.Remove(expression.Name(path + name))
		}
	}
	return u
}

// pastDifference appends records of attempts, or changes some in place, so that
// the others stay as they are. Where that does not do, the list is replaced.
func pastDifference(u expression.UpdateBuilder, path string, was, is types.AttributeValue) expression.UpdateBuilder {
	name := expression.Name(path)
	before, ok1 := was.(*types.AttributeValueMemberL)
	after, ok2 := is.(*types.AttributeValueMemberL)
	if !ok1 || !ok2 || len(after.Value) < len(before.Value) {
		return u.Set(name, expression.Value(is))
	}
	changed := u
	changes := 0
	for i := range before.Value {
		old, ok1 := before.Value[i].(*types.AttributeValueMemberM)
		new, ok2 := after.Value[i].(*types.AttributeValueMemberM)
		switch {
		case !ok1 || !ok2:
			return u.Set(name, expression.Value(is))
		case reflect.DeepEqual(old, new):
		// The oldest record was dropped: what stands here is another attempt.
		case !reflect.DeepEqual(old.Value[pAttempt], new.Value[pAttempt]):
			return u.Set(name, expression.Value(is))
		default:
			changed = differenceAt(changed, fmt.Sprintf("%s[%d].", path, i), old.Value, new.Value)
			changes++
		}
	}
	added := after.Value[len(before.Value):]
	switch {
	case len(added) == 0:
		return changed
	// One update cannot change a list and append to it.
	case changes > 0:
		return u.Set(name, expression.Value(is))
	}
	return u.Set(name, expression.ListAppend(name, expression.Value(&types.AttributeValueMemberL{Value: added})))
}
