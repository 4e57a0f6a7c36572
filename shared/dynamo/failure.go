package dynamo

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// failed says what was being attempted when an AWS call failed. It is the only
// place where errors of the SDK are wrapped.
func failed(attempted string, err error) error {
	return fmt.Errorf("dynamodb: %s: %w", attempted, err)
}

// The codes of the reasons why DynamoDB cancels a transaction.
const (
	reasonCondition = "ConditionalCheckFailed"
	reasonConflict  = "TransactionConflict"
)

// refusal is a write that DynamoDB refused because of what is stored.
type refusal struct {
	current item // what is stored under the key of the first item; nil: nothing
	// busy says that a transaction was under way: nothing is known about the condition.
	busy bool
}

// refused takes an error apart; false if it is not a refusal.
func refused(err error) (refusal, bool) {
	var condition *types.ConditionalCheckFailedException
	if errors.As(err, &condition) {
		return refusal{current: condition.Item}, true
	}
	var conflict *types.TransactionConflictException
	if errors.As(err, &conflict) {
		return refusal{busy: true}, true
	}
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) == 0 {
		return refusal{}, false
	}
	first := cancelled.CancellationReasons[0]
	if first.Code != nil && *first.Code == reasonCondition {
		return refusal{current: first.Item}, true
	}
	for _, reason := range cancelled.CancellationReasons {
		if reason.Code != nil && *reason.Code == reasonConflict {
			return refusal{busy: true}, true
		}
	}
	return refusal{}, false
}
