package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ItemSize returns how many bytes DynamoDB counts for an item when it computes
// capacity units: its names and values by the rules of the developer guide
// ("DynamoDB item sizes and formats"). AWS calls the size of numbers
// approximate; this takes the larger value. The 100 bytes that storage is
// billed for beside every item are not in it.
func ItemSize(it map[string]types.AttributeValue) int {
	size := 0
	for name, v := range it {
		size += len(name) + valueSize(v)
	}
	return size
}

func valueSize(v types.AttributeValue) int {
	const (
		document = 3 // bytes for every list and map
		element  = 1 // and for every element
	)
	size := 0
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberBOOL, *types.AttributeValueMemberNULL:
		return 1
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			size += element + valueSize(e)
		}
		return document + size
	case *types.AttributeValueMemberM:
		for name, e := range v.Value {
			size += element + len(name) + valueSize(e)
		}
		return document + size
	case *types.AttributeValueMemberSS:
		for _, e := range v.Value {
			size += len(e)
		}
	case *types.AttributeValueMemberNS:
		for _, e := range v.Value {
			size += numberSize(e)
		}
	case *types.AttributeValueMemberBS:
		for _, e := range v.Value {
			size += len(e)
		}
	}
	return size
}

// numberSize is a byte, one per two significant digits, and one for a sign.
func numberSize(n string) int {
	digits := strings.TrimPrefix(n, "-")
	negative := len(n) - len(digits)
	if mantissa, _, found := strings.Cut(strings.ToLower(digits), "e"); found {
		digits = mantissa
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	significant := strings.TrimRight(strings.TrimLeft(whole+fraction, "0"), "0")
	return 1 + (len(significant)+1)/2 + negative
}
