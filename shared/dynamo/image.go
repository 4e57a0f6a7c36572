package dynamo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/job"
)

// ReadImage reads a job from a record of its table's stream: its item, in the JSON
// of DynamoDB.
func ReadImage(image []byte) (job.Job, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(image, &raw); err != nil {
		return job.Job{}, errors.New("read an image of a stream: it is no JSON object")
	}
	it, err := readMap(raw)
	if err != nil {
		return job.Job{}, fmt.Errorf("read an image of a stream: %w", err)
	}
	return readJob(it)
}

func readMap(raw map[string]json.RawMessage) (item, error) {
	it := make(item, len(raw))
	for name, value := range raw {
		v, err := readValue(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if v != nil {
			it[name] = v
		}
	}
	return it, nil
}

// readValue reads a value of the kinds that are stored with a job; nil: of another
// one, which a newer version may have added.
func readValue(raw json.RawMessage) (types.AttributeValue, error) {
	var v struct {
		S    *string
		N    *string
		B    []byte
		BOOL *bool
		M    map[string]json.RawMessage
		L    []json.RawMessage
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}, nil
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}, nil
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: v.B}, nil
	case v.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *v.BOOL}, nil
	case v.M != nil:
		m, err := readMap(v.M)
		return &types.AttributeValueMemberM{Value: m}, err
	case v.L != nil:
		list := make([]types.AttributeValue, len(v.L))
		for i, one := range v.L {
			var err error
			if list[i], err = readValue(one); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	}
	return nil, nil
}
