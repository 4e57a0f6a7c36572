package sqsqueue

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/awsclient"
	"runlease/shared/job"
)

// Ring sends a message. After an error it may have been sent anyway.
func (q *Queue) Ring(ctx context.Context, m job.Message) error {
	text, err := encode(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if err := q.send(ctx, q.url, text, m.Group, nil); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// send puts a text into a queue. The group is for fair queues: a busy one does
// not make the others wait.
func (q *Queue) send(ctx context.Context, queueURL, text, group string, attributes map[string]types.MessageAttributeValue) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	in := &sqs.SendMessageInput{QueueUrl: &queueURL, MessageBody: &text, MessageAttributes: attributes}
	if group != "" {
		in.MessageGroupId = aws.String(group)
	}
	_, err := q.client.SendMessage(ctx, in)
	return err
}
