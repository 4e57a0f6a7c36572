package sqsqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Client is what a Queue needs of *sqs.Client. The batch calls need the same
// permissions as the plain ones: sqs:SendMessage on both queues, and
// sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and
// sqs:GetQueueAttributes on the first.
type Client interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

const (
	// batch is how many messages SQS takes or gives in one call.
	batch = 10
	// longestHide is how long SQS can hide a message: 12 hours.
	longestHide = 12 * time.Hour
)

// Queue is a dispatch.Queue. It is safe for concurrent use.
type Queue struct {
	client     Client
	url        string
	pool       job.Pool
	deadLetter string

	// Log gets what is passed over (debug) and what is dead-lettered (error).
	// Never a body. New sets it to slog.Default().
	Log *slog.Logger
}

// New is the Queue at queueURL whose dead-letter queue is at deadLetterURL.
// The queue's default ReceiveMessageWaitTimeSeconds must be 0: polls are short.
// A Queue that only rings may leave deadLetterURL empty.
func New(client Client, queueURL, deadLetterURL string) *Queue {
	return &Queue{client: client, url: queueURL, deadLetter: deadLetterURL, Log: slog.Default()}
}

// Open returns the Queue of the default pool, as New does, and those of other pools by
// the URLs of their queues.
func Open(client Client, queueURL, deadLetterURL string, pools map[string]string) (dispatch.Queue, dispatch.Queues) {
	others := make(dispatch.Queues, len(pools))
	for pool, url := range pools {
		q := New(client, url, deadLetterURL)
		q.pool = job.PoolOf(pool)
		others[q.pool] = q
	}
	return New(client, queueURL, deadLetterURL), others
}

// wholeSeconds is d in seconds for SQS, rounded up: a message must not come back
// while its lease still runs. Never negative, at most 12 hours (43,200 s).
func wholeSeconds(d time.Duration) int32 {
	d = min(max(d, 0), longestHide)
	return int32((d + time.Second - 1) / time.Second)
}
