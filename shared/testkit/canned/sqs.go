package canned

import (
	"crypto/md5" //nolint:gosec // SQS's own checksum, which the SDK compares
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Message is what a queue was sent.
type Message struct{ Body, Group string }

type queue struct {
	sent []*message
	// Messages made when they are received, after those that were sent.
	lazy       func(i int) Message
	next, upTo int

	byHandle map[string]*message
	handles  int
}

type message struct {
	Message
	visibleAt, sentAt time.Time
	receives          int
	handle            string
}

// handleLength is about that of SQS's own receipt handles.
const handleLength = 412

// AddQueue makes an empty queue.
func (b *Backend) AddQueue(url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queues[url] = &queue{byHandle: map[string]*message{}}
}

// FillQueue adds n messages behind those that were sent, as if they had been
// sent just now. Each is made when it is received, so that a million of them
// take no memory.
func (b *Backend) FillQueue(url string, n int, at func(i int) Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[url]
	q.lazy, q.next, q.upTo = at, 0, n
}

// FillHidden adds n messages that are hidden for a while, as if they had been
// received just now.
func (b *Backend) FillHidden(url string, n int, hide time.Duration, at func(i int) Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	q := b.queues[url]
	for i := range n {
		q.sent = append(q.sent, &message{Message: at(i), visibleAt: now.Add(hide), sentAt: now, receives: 1})
	}
}

// Messages is how many messages of a queue there are, hidden ones included.
func (b *Backend) Messages(url string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[url]
	return len(q.sent) + q.upTo - q.next
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

func (b *Backend) sqs(operation string, body []byte) (any, error) {
	var in sqsRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, invalid("not the JSON of a request")
	}
	q := b.queues[in.QueueUrl]
	if q == nil {
		return nil, &fault{code: "QueueDoesNotExist", message: "no such queue"}
	}
	now := b.now()
	switch operation {
	case "SendMessage":
		q.sent = append(q.sent, &message{Message: Message{in.MessageBody, in.MessageGroupId}, visibleAt: now, sentAt: now})
		return map[string]any{"MessageId": "canned", "MD5OfMessageBody": checksum(in.MessageBody)}, nil
	case "ReceiveMessage":
		return map[string]any{"Messages": q.receive(in, now)}, nil
	case "ChangeMessageVisibilityBatch", "DeleteMessageBatch":
		var done, failed []any
		for _, e := range in.Entries {
			m := q.byHandle[e.ReceiptHandle]
			if m == nil {
				failed = append(failed, map[string]any{"Id": e.Id, "Code": "ReceiptHandleIsInvalid", "SenderFault": true})
				continue
			}
			if operation == "DeleteMessageBatch" {
				q.drop(m)
			} else {
				m.visibleAt = now.Add(time.Duration(e.VisibilityTimeout) * time.Second)
			}
			done = append(done, map[string]any{"Id": e.Id})
		}
		return map[string]any{"Successful": done, "Failed": failed}, nil
	case "GetQueueAttributes":
		visible := q.upTo - q.next
		for _, m := range q.sent {
			if !m.visibleAt.After(now) {
				visible++
			}
		}
		return map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": strconv.Itoa(visible)}}, nil
	}
	return nil, invalid("SQS's %s is not canned", operation)
}

func (q *queue) receive(in sqsRequest, now time.Time) []any {
	var found []any
	give := func(m *message) {
		delete(q.byHandle, m.handle)
		q.handles++
		number := strconv.Itoa(q.handles)
		m.handle = strings.Repeat("A", handleLength-len(number)) + number
		m.receives++
		m.visibleAt = now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
		q.byHandle[m.handle] = m
		found = append(found, map[string]any{
			"MessageId": fmt.Sprint("canned-", number), "ReceiptHandle": m.handle, "Body": m.Body, "MD5OfBody": checksum(m.Body),
			"Attributes": map[string]string{
				"ApproximateReceiveCount": strconv.Itoa(m.receives),
				"SentTimestamp":           strconv.FormatInt(m.sentAt.UnixMilli(), 10),
				"MessageGroupId":          m.Group,
			},
		})
	}
	for _, m := range q.sent {
		if len(found) < in.MaxNumberOfMessages && !m.visibleAt.After(now) {
			give(m)
		}
	}
	for len(found) < in.MaxNumberOfMessages && q.next < q.upTo {
		m := &message{Message: q.lazy(q.next), visibleAt: now, sentAt: now}
		q.next++
		q.sent = append(q.sent, m)
		give(m)
	}
	return found
}

func (q *queue) drop(m *message) {
	delete(q.byHandle, m.handle)
	for i := range q.sent {
		if q.sent[i] == m {
			q.sent = append(q.sent[:i], q.sent[i+1:]...)
			return
		}
	}
}

func checksum(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}
