package canned

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's own checksum, which the SDK compares
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// handleLength is about that of SQS's own receipt handles, which are kept with a
// claim and count in the size of its item.
const handleLength = 412

// AddQueue makes an empty queue. The product's model of SQS keeps its messages;
// this file is only the wire.
func (b *Backend) AddQueue(url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queues[url] = memory.NewQueue(b.now)
}

// FillQueue puts n messages into an empty queue, as if they had been sent just
// now. The first hidden ones have been received once and stay hidden for hide.
func (b *Backend) FillQueue(url string, n, hidden int, hide time.Duration, at func(i int) job.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.queues[url].Keep(int64(n), func(yield func(int64, memory.Message) bool) {
		for i := range n {
			m := memory.Message{Message: at(i), SentAt: now, VisibleAt: now}
			if i < hidden {
				m.VisibleAt, m.Receives = now.Add(hide), 1
			}
			if !yield(int64(i), m) {
				return
			}
		}
	}, nil)
}

// Messages is how many messages of a queue there are, hidden ones included.
func (b *Backend) Messages(url string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queues[url].Len()
}

type sqsRequest struct {
	QueueUrl            string //nolint:revive // SQS's name
	MessageBody         string
	MessageGroupId      string //nolint:revive // SQS's name
	MaxNumberOfMessages int
	VisibilityTimeout   int
	Entries             []struct {
		Id                string //nolint:revive // SQS's name
		ReceiptHandle     string
		VisibilityTimeout int
	}
}

// sqsBody is the body of a message.
type sqsBody struct {
	Job  string `json:"job"`
	Bell int64  `json:"bell"`
}

func (b *Backend) sqs(operation string, body []byte) (any, error) {
	var in sqsRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, invalid("not the JSON of a request")
	}
	q := b.queues[in.QueueUrl]
	if q == nil {
		return nil, &fault{code: "QueueDoesNotExist", message: "no such queue"}
	}
	ctx := context.Background()
	switch operation {
	case "SendMessage":
		var m sqsBody
		if err := json.Unmarshal([]byte(in.MessageBody), &m); err != nil {
			return nil, invalid("not the body of a bell: %s", in.MessageBody)
		}
		err := q.Ring(ctx, job.Message{Job: m.Job, Bell: m.Bell, Group: in.MessageGroupId})
		return map[string]any{"MessageId": "canned", "MD5OfMessageBody": checksum(in.MessageBody)}, err
	case "ReceiveMessage":
		received, err := q.Receive(ctx, in.MaxNumberOfMessages, time.Duration(in.VisibilityTimeout)*time.Second)
		messages := make([]any, len(received))
		for i, m := range received {
			messages[i] = wireMessage(m)
		}
		return map[string]any{"Messages": messages}, err
	case "ChangeMessageVisibilityBatch", "DeleteMessageBatch":
		var done []any
		var hidings []dispatch.Hiding
		var handles []string
		for _, e := range in.Entries {
			handle := strings.TrimLeft(e.ReceiptHandle, "A")
			handles = append(handles, handle)
			hidings = append(hidings, dispatch.Hiding{Handle: handle, For: time.Duration(e.VisibilityTimeout) * time.Second})
			done = append(done, map[string]any{"Id": e.Id})
		}
		var err error
		if operation == "DeleteMessageBatch" {
			err = q.Delete(ctx, handles)
		} else {
			err = q.Hide(ctx, hidings)
		}
		return map[string]any{"Successful": done, "Failed": []any{}}, err
	case "GetQueueAttributes":
		depth, err := q.Depth(ctx)
		return map[string]any{"Attributes": map[string]string{
			"ApproximateNumberOfMessages":           strconv.Itoa(depth.Visible),
			"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(depth.Hidden),
		}}, err
	}
	return nil, invalid("SQS's %s is not canned", operation)
}

func wireMessage(m job.Received) any {
	text, _ := json.Marshal(sqsBody{m.Job, m.Bell}) //nolint:errchkjson // a string and a number
	attributes := map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(m.Receives),
		"SentTimestamp":           strconv.FormatInt(int64(m.SentAt), 10),
	}
	if m.Group != "" {
		attributes["MessageGroupId"] = m.Group
	}
	return map[string]any{
		"MessageId": "canned-" + m.Handle, "ReceiptHandle": strings.Repeat("A", handleLength-len(m.Handle)) + m.Handle,
		"Body": string(text), "MD5OfBody": checksum(string(text)), "Attributes": attributes,
	}
}

func checksum(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}
