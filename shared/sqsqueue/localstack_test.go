//go:build localstack

package sqsqueue_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/queuetest"
)

// real is the client of LocalStack.
func real() *sqs.Client { return client(http.DefaultTransport.RoundTrip) }

// newQueue makes a queue of a random name for one test.
func newQueue(t *testing.T) (url string) {
	t.Helper()
	c := real()
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("queuetest-" + rand.Text())})
	if err != nil {
		t.Fatalf("LocalStack does not make a queue (`make localstack` starts it): %v", err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}); err != nil {
			t.Errorf("delete queue: %v", err)
		}
	})
	return *out.QueueUrl
}

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		url, deadLetter := newQueue(t), newQueue(t)
		c := real()
		return queuetest.Harness{
			Queue:    sqsqueue.New(c, url, deadLetter),
			Now:      time.Now,
			Pass:     time.Sleep,
			RealTime: true,
			// SQS promises nothing about old handles; LocalStack takes them.
			OldHandlesAct: true,
			Foreign: func(body string) {
				if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
					t.Fatalf("send foreign message: %v", err)
				}
			},
			DeadLetters: func() []string { return take(t, c, deadLetter) },
		}
	})
}

// take takes messages off a queue for good.
func take(t *testing.T, c *sqs.Client, url string) []string {
	t.Helper()
	out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatalf("take messages: %v", err)
	}
	var bodies []string
	for _, m := range out.Messages {
		bodies = append(bodies, *m.Body)
		if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatalf("take messages: %v", err)
		}
	}
	return bodies
}

func receive(t *testing.T, q *sqsqueue.Queue, hide time.Duration, want int) []job.Received {
	t.Helper()
	got, err := q.Receive(t.Context(), 10, hide)
	if err != nil || len(got) != want {
		t.Fatalf("Receive = %v, %v; want %d messages", got, err, want)
	}
	return got
}

// The client repeats a call whose reply was lost. What was sent twice is there
// twice; what was received is hidden, and comes back.
func TestLostReply(t *testing.T) {
	message := job.Message{Job: "a", Bell: 1}
	lossyQueue := func(url, action string) *sqsqueue.Queue {
		return sqsqueue.New(client(lossy(action, 1)), url, url)
	}

	t.Run("ring", func(t *testing.T) {
		t.Parallel()
		url := newQueue(t)
		if err := lossyQueue(url, "SendMessage").Ring(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		receive(t, sqsqueue.New(real(), url, url), time.Minute, 2)
	})
	t.Run("receive", func(t *testing.T) {
		t.Parallel()
		url := newQueue(t)
		q := lossyQueue(url, "ReceiveMessage")
		if err := q.Ring(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		receive(t, q, 3*time.Second, 0)
		time.Sleep(4 * time.Second)
		if got := receive(t, q, time.Minute, 1); got[0].Receives != 2 {
			t.Errorf("receives = %d, want 2", got[0].Receives)
		}
	})
	t.Run("hide", func(t *testing.T) {
		t.Parallel()
		url := newQueue(t)
		q := lossyQueue(url, "ChangeMessageVisibilityBatch")
		if err := q.Ring(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		handle := receive(t, q, time.Minute, 1)[0].Handle
		if err := q.Hide(t.Context(), []dispatch.Hiding{{Handle: handle, For: time.Second}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		receive(t, q, time.Minute, 1)
	})
	t.Run("delete", func(t *testing.T) {
		t.Parallel()
		url := newQueue(t)
		q := lossyQueue(url, "DeleteMessageBatch")
		if err := q.Ring(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		handle := receive(t, q, 2*time.Second, 1)[0].Handle
		if err := q.Delete(t.Context(), []string{handle}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		receive(t, q, time.Minute, 0)
	})
}

func TestThrottledForAWhile(t *testing.T) {
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newQueue(t)
			if err := operate(t.Context(), sqsqueue.New(client(throttling(2)), url, url)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// A queue that is not there is an error that says what was attempted.
func TestNoQueue(t *testing.T) {
	url := newQueue(t) + "-gone"
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			if err := operate(t.Context(), sqsqueue.New(real(), url, url)); err == nil {
				t.Error("no error")
			}
		})
	}
}

// SQS refuses a hide beyond 12 hours; more is cut to that before it gets there.
func TestLongestHide(t *testing.T) {
	url := newQueue(t)
	q := sqsqueue.New(real(), url, url)
	if err := q.Ring(t.Context(), job.Message{Job: "a", Bell: 1}); err != nil {
		t.Fatal(err)
	}
	handle := receive(t, q, 24*time.Hour, 1)[0].Handle
	if err := q.Hide(t.Context(), []dispatch.Hiding{{Handle: handle, For: 24 * time.Hour}}); err != nil {
		t.Fatal(err)
	}
	receive(t, q, time.Minute, 0)
}
