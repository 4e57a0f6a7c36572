package dynamo

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
)

// One item counts connections: in all, and by the slot of time in which they were
// opened. An end that is not told leaves the count with its slot, when no
// connection of that slot is there any more.
const (
	lineSlot = 10 * time.Minute
	slotMark = "s" // before the number of a slot, as the name of its attribute
)

func slotOf(opened time.Time) string {
	return slotMark + strconv.FormatInt(opened.Unix()/int64(lineSlot/time.Second), 10)
}

// Admit counts one more connection; false: there are most already. One of a runner that
// has a connection is let in anyway, since it replaces that. It costs a write,
// and as much when the connection ends. A count whose reply was lost may count twice
// until its slot is over.
func (b *Benches) Admit(ctx context.Context, runner string, most int) (bool, error) {
	for again := true; ; again = false {
		full, it, err := b.count(ctx, most)
		if err != nil {
			return false, err
		}
		over, err := b.forgetSlots(ctx, it)
		if !full || err != nil {
			return err == nil, err
		}
		if !over || !again {
			break
		}
	}
	if _, replaces, err := b.Listener(ctx, runner); err != nil || !replaces {
		return false, err
	}
	full, _, err := b.count(ctx, 2*most)
	return !full, err
}

// count adds one, and returns the item as it is then.
func (b *Benches) count(ctx context.Context, most int) (full bool, now item, err error) {
	out, err := b.countWrite(ctx, "ADD n :one, #slot :one", "attribute_not_exists(n) OR n <= :room", slotOf(b.now()),
		item{":one": numberValue(1), ":room": numberValue(int64(most - 1))})
	if why, isRefusal := refused(err); isRefusal && !why.busy {
		return true, why.current, nil
	}
	if err != nil {
		return false, nil, failed("count a connection", err)
	}
	return false, out.Attributes, nil
}

// parted takes a connection out of the count that was opened at a time.
func (b *Benches) parted(ctx context.Context, opened time.Time) error {
	_, err := b.countWrite(ctx, "ADD n :less, #slot :less", "#slot >= :one", slotOf(opened), item{":less": numberValue(-1), ":one": numberValue(1)})
	if _, isRefusal := refused(err); err != nil && !isRefusal {
		return failed("count a connection less", err)
	}
	return nil
}

// forgetSlots takes out of the count what was opened so long ago that it is not there.
func (b *Benches) forgetSlots(ctx context.Context, it item) (over bool, err error) {
	last := b.now().Add(-lineKept - lineSlot)
	for name, value := range it {
		text, isSlot := strings.CutPrefix(name, slotMark)
		slot, err := strconv.ParseInt(text, 10, 64)
		n, isNumber := value.(*types.AttributeValueMemberN)
		if !isSlot || err != nil || !isNumber || time.Unix(slot*int64(lineSlot/time.Second), 0).After(last) {
			continue
		}
		_, err = b.countWrite(ctx, "ADD n :less REMOVE #slot", "#slot = :is", name, item{":less": &types.AttributeValueMemberN{Value: minus(n.Value)}, ":is": n})
		if _, isRefusal := refused(err); err != nil && !isRefusal {
			return over, failed("forget connections", err)
		}
		over = true
	}
	return over, nil
}

func minus(n string) string {
	if less, isNegative := strings.CutPrefix(n, "-"); isNegative {
		return less
	}
	return "-" + n
}

func (b *Benches) countWrite(ctx context.Context, update, condition, slot string, values item) (*dynamodb.UpdateItemOutput, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	return b.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &b.store.tables.Doorbell, Key: doorbellKey("lines", ""), UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: map[string]string{"#slot": slot}, ExpressionAttributeValues: values,
		ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
}
