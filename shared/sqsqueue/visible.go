package sqsqueue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/awsclient"
)

// Visible returns about how many messages can be received now. SQS's number may
// lag by a minute.
func (q *Queue) Visible(ctx context.Context) (int, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	const name = types.QueueAttributeNameApproximateNumberOfMessages
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{name},
	})
	if err != nil {
		return 0, fmt.Errorf("count visible messages: %w", err)
	}
	n, err := strconv.Atoi(out.Attributes[string(name)])
	if err != nil {
		return 0, fmt.Errorf("count visible messages: %w", err)
	}
	return n, nil
}
