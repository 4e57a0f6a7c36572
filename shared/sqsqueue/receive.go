package sqsqueue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/awsclient"
	"runlease/shared/job"
)

// polls is how often an empty queue is asked: a short poll asks only some of
// SQS's servers, so one empty answer says little. Two make an empty poll cost
// two requests.
const polls = 2

// Receive takes up to limit (1 to 10) messages and hides them for hide, in
// whole seconds, at least one, rounded up. What cannot be parsed goes to the
// dead-letter queue, is deleted and not returned.
func (q *Queue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	for range polls {
		messages, err := q.poll(ctx, limit, hide)
		if err != nil {
			return nil, fmt.Errorf("receive messages: %w", err)
		}
		if len(messages) > 0 {
			return q.parse(ctx, messages), nil
		}
	}
	return []job.Received{}, nil
}

func (q *Queue) poll(ctx context.Context, limit int, hide time.Duration) ([]types.Message, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            &q.url,
		MaxNumberOfMessages: int32(min(max(limit, 1), batch)),
		// The client leaves out a zero, and the queue's default would hold.
		VisibilityTimeout: max(wholeSeconds(hide), 1),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameMessageGroupId,
		},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// parse returns what can be parsed, and moves the rest out of the way.
func (q *Queue) parse(ctx context.Context, messages []types.Message) []job.Received {
	received := make([]job.Received, 0, len(messages))
	var moved []string
	for _, m := range messages {
		r, err := decode(m)
		if err == nil {
			received = append(received, r)
			continue
		}
		q.Log.ErrorContext(ctx, "message not understood", "message_id", aws.ToString(m.MessageId), "error", err)
		if q.bury(ctx, m) {
			moved = append(moved, aws.ToString(m.ReceiptHandle))
		}
	}
	if err := q.Delete(ctx, moved); err != nil {
		// It comes back and is dead-lettered twice: better than not at all.
		q.Log.ErrorContext(ctx, "dead-lettered message not deleted", "error", err)
	}
	return received
}

// PoolAttribute is the attribute of a dead-lettered message that names the pool whose queue
// it was in; without it, that was the default one.
const PoolAttribute = "pool"

// bury sends a message's body to the dead-letter queue as it is. One call for
// each: ten of the largest bodies do not fit into one batch. If it fails, the
// message comes back and is dealt with then; the good ones must not suffer.
func (q *Queue) bury(ctx context.Context, m types.Message) bool {
	var from map[string]types.MessageAttributeValue
	if q.pool != "" {
		from = map[string]types.MessageAttributeValue{PoolAttribute: {DataType: aws.String("String"), StringValue: aws.String(q.pool.Name())}}
	}
	err := q.send(ctx, q.deadLetter, aws.ToString(m.Body), m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)], from)
	if err != nil {
		q.Log.LogAttrs(ctx, slog.LevelError, "message not dead-lettered",
			slog.String("message_id", aws.ToString(m.MessageId)), slog.Any("error", err))
		return false
	}
	return true
}
