package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
)

// Depth returns about how many messages can be received now and how many are
// hidden. SQS's numbers may lag by a minute.
func (q *Queue) Depth(ctx context.Context) (dispatch.Depth, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	const visible, hidden = types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{visible, hidden},
	})
	if err != nil {
		return dispatch.Depth{}, fmt.Errorf("count messages: %w", err)
	}
	shown, err := strconv.Atoi(out.Attributes[string(visible)])
	held, err2 := strconv.Atoi(out.Attributes[string(hidden)])
	if err := errors.Join(err, err2); err != nil {
		return dispatch.Depth{}, fmt.Errorf("count messages: %w", err)
	}
	return dispatch.Depth{Visible: shown, Hidden: held}, nil
}
