// Package sqsoutbox is announce.Outbox on Amazon SQS: a standard queue of letters,
// whose clock is the visibility timeout and whose count of tries is that of receives,
// and a queue of dead ones. SQS may give a letter out twice: then it is delivered twice.
package sqsoutbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/announce"
	"runlease/shared/awsclient"
)

// Outbox is announce.Outbox and announce.Graveyard.
type Outbox struct {
	client    *sqs.Client
	url, dead string
}

// New returns an Outbox on a queue and one of dead letters, by their URLs.
func New(c *sqs.Client, url, dead string) *Outbox { return &Outbox{c, url, dead} }

const batch = 10 // messages that one request of SQS takes

func encode(l announce.Letter) *string {
	text, _ := json.Marshal(l) // texts, a number and a time: never fails
	return aws.String(string(text))
}

// Add sends letters.
func (o *Outbox) Add(ctx context.Context, letters []announce.Letter) error {
	for chunk := range slices.Chunk(letters, batch) {
		entries := make([]types.SendMessageBatchRequestEntry, len(chunk))
		for i, l := range chunk {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: encode(l)}
		}
		if err := o.send(ctx, entries); err != nil {
			return fmt.Errorf("keep announcements: %w", err)
		}
	}
	return nil
}

func (o *Outbox) send(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := o.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &o.url, Entries: entries})
	if err == nil && len(out.Failed) > 0 {
		err = errors.New(aws.ToString(out.Failed[0].Code) + ": " + aws.ToString(out.Failed[0].Message))
	}
	return err
}

// Due receives letters and hides them. What is none is put to the dead ones.
func (o *Outbox) Due(ctx context.Context) ([]announce.Held, error) {
	messages, err := o.receive(ctx, o.url, announce.HoldFor, 0)
	if err != nil {
		return nil, fmt.Errorf("receive announcements: %w", err)
	}
	var held []announce.Held
	for _, m := range messages {
		h := announce.Held{Handle: aws.ToString(m.ReceiptHandle)}
		h.Tries, _ = strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
		if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &h.Letter); err != nil || h.Endpoint == "" || h.Job == "" {
			h.Letter = announce.Letter{Failure: "not a letter: something else writes to the queue of announcements"}
			if err := o.Bury(ctx, h); err != nil {
				return held, err
			}
			continue
		}
		held = append(held, h)
	}
	return held, nil
}

func (o *Outbox) receive(ctx context.Context, url string, hold time.Duration, wait int32) ([]types.Message, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := o.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: batch, VisibilityTimeout: int32(hold / time.Second), WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// Later hides a letter for a pause from now.
func (o *Outbox) Later(ctx context.Context, h announce.Held, pause time.Duration) error {
	return o.hide(ctx, o.url, h.Handle, pause)
}

func (o *Outbox) hide(ctx context.Context, url, handle string, pause time.Duration) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	_, err := o.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: &handle, VisibilityTimeout: int32(pause / time.Second),
	})
	return ours("hide announcement", err)
}

// ours leaves out that a letter is in other hands by now.
func ours(attempted string, err error) error {
	var stale *types.ReceiptHandleIsInvalid
	var shown *types.MessageNotInflight
	if err == nil || errors.As(err, &stale) || errors.As(err, &shown) {
		return nil
	}
	return fmt.Errorf("%s: %w", attempted, err)
}

// Remove deletes a letter.
func (o *Outbox) Remove(ctx context.Context, h announce.Held) error {
	return o.remove(ctx, o.url, h.Handle)
}

func (o *Outbox) remove(ctx context.Context, url, handle string) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	_, err := o.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &handle})
	return ours("delete announcement", err)
}

// Bury sends a letter to the dead ones, and deletes it then: twice there is better
// than nowhere.
func (o *Outbox) Bury(ctx context.Context, h announce.Held) error {
	sending, cancel := awsclient.Within(ctx)
	defer cancel()
	if _, err := o.client.SendMessage(sending, &sqs.SendMessageInput{QueueUrl: &o.dead, MessageBody: encode(h.Letter)}); err != nil {
		return fmt.Errorf("bury announcement: %w", err)
	}
	return o.Remove(ctx, h)
}

// How the operator's command looks at dead letters.
const (
	lookFor  = time.Minute
	askAll   = 1 // second, so that SQS asks all its servers
	mostDead = 1000
)

// Dead lists dead letters, in no order, a thousand at most.
func (o *Outbox) Dead(ctx context.Context) (all []announce.Letter, err error) {
	_, err = o.eachDead(ctx, func(l announce.Letter) bool { all = append(all, l); return false })
	return all, err
}

// SendBack sends dead letters again, with three days anew.
func (o *Outbox) SendBack(ctx context.Context, endpoint string) (int, error) {
	return o.eachDead(ctx, func(l announce.Letter) bool {
		return l.Endpoint != "" && (endpoint == "" || endpoint == l.Endpoint)
	})
}

// eachDead looks at dead letters, sends those back that are chosen, and shows the
// others again.
func (o *Outbox) eachDead(ctx context.Context, chosen func(announce.Letter) bool) (sent int, err error) {
	if o.url == "" || o.dead == "" {
		return 0, errors.New("which queues? Give -queue and -dead-letter-queue, or -outputs")
	}
	var others []string
	defer func() {
		for _, handle := range others {
			err = errors.Join(err, o.hide(context.WithoutCancel(ctx), o.dead, handle, 0))
		}
	}()
	for seen := 0; seen < mostDead; {
		messages, err := o.receive(ctx, o.dead, lookFor, askAll)
		if err != nil || len(messages) == 0 {
			return sent, err
		}
		for _, m := range messages {
			seen++
			var l announce.Letter
			_ = json.Unmarshal([]byte(aws.ToString(m.Body)), &l) // what is none stays where it is
			handle := aws.ToString(m.ReceiptHandle)
			if !chosen(l) {
				others = append(others, handle)
				continue
			}
			l.Since, l.Failure = time.Now().UTC(), ""
			if err := o.Add(ctx, []announce.Letter{l}); err != nil {
				return sent, err
			}
			if err := o.remove(ctx, o.dead, handle); err != nil {
				return sent, err
			}
			sent++
		}
	}
	return sent, nil
}
