package canned

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// wire is an attribute value, or a map of them, as DynamoDB's JSON has it.
type wire = map[string]json.RawMessage

func readItem(raw wire) (Item, error) {
	if raw == nil {
		return nil, nil
	}
	it := make(Item, len(raw))
	for name, text := range raw {
		v, err := readValue(text)
		if err != nil {
			return nil, err
		}
		it[name] = v
	}
	return it, nil
}

func readValue(raw json.RawMessage) (types.AttributeValue, error) {
	var v struct {
		S, N *string
		B    *[]byte
		BOOL *bool
		L    *[]json.RawMessage
		M    *wire
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, invalid("not an attribute value: %s", raw)
	}
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}, nil
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}, nil
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: *v.B}, nil
	case v.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *v.BOOL}, nil
	case v.L != nil:
		list := make([]types.AttributeValue, len(*v.L))
		for i, text := range *v.L {
			var err error
			if list[i], err = readValue(text); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	case v.M != nil:
		within, err := readItem(*v.M)
		return &types.AttributeValueMemberM{Value: within}, err
	}
	return nil, invalid("a kind of value that is not canned: %s", raw)
}

// writeItem is an item for json.Marshal.
func writeItem(it Item) map[string]any {
	if it == nil {
		return nil
	}
	out := make(map[string]any, len(it))
	for name, v := range it {
		out[name] = writeValue(v)
	}
	return out
}

func writeValue(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, e := range v.Value {
			list[i] = writeValue(e)
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": writeItem(v.Value)}
	}
	return nil
}
