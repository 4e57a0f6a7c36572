package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/sqsqueue"
)

// openLetters works on SQS with the operator's own AWS credentials, region and
// endpoint, found as the AWS command line finds them.
func openLetters(ctx context.Context, pools map[string]string, deadLetter string) (letters, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return deadLetterQueue{sqs.NewFromConfig(cfg), pools, deadLetter}, nil
}

type deadLetterQueue struct {
	client *sqs.Client
	pools  map[string]string // the URLs of their queues; "" is the default one
	dead   string
}

// shortWait makes SQS ask all its servers, so that an empty answer is one.
const shortWait = 1

func (q deadLetterQueue) take(ctx context.Context, hold time.Duration) ([]letter, error) {
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:              &q.dead,
		MaxNumberOfMessages:   10,
		VisibilityTimeout:     int32(hold / time.Second),
		WaitTimeSeconds:       shortWait,
		MessageAttributeNames: []string{sqsqueue.PoolAttribute},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameMessageGroupId,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from the dead-letter queue: %w", err)
	}
	taken := make([]letter, 0, len(out.Messages))
	for _, m := range out.Messages {
		l := letter{
			id: aws.ToString(m.MessageId), body: aws.ToString(m.Body), handle: aws.ToString(m.ReceiptHandle),
			pool:  aws.ToString(m.MessageAttributes[sqsqueue.PoolAttribute].StringValue),
			group: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		}
		if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
			l.sent = time.UnixMilli(ms)
		}
		taken = append(taken, l)
	}
	return taken, nil
}

func (q deadLetterQueue) putBack(ctx context.Context, l letter) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.dead, ReceiptHandle: &l.handle, VisibilityTimeout: 0,
	})
	if err != nil {
		return fmt.Errorf("show the message again: %w", err)
	}
	return nil
}

// sendBack deletes last: a message twice costs a look, a message lost is lost.
func (q deadLetterQueue) sendBack(ctx context.Context, l letter) error {
	queue, there := q.pools[l.pool]
	if !there { // as jobs of a pool that is gone
		queue = q.pools[""]
	}
	in := &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &l.body}
	if l.group != "" {
		in.MessageGroupId = &l.group
	}
	if _, err := q.client.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("send to the job queue: %w", err)
	}
	if _, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.dead, ReceiptHandle: &l.handle}); err != nil {
		return fmt.Errorf("delete from the dead-letter queue: %w", err)
	}
	return nil
}
