package sqsqueue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/hang"
)

const (
	queueURL      = "https://queue"
	deadLetterURL = "https://dead-letter"
)

// fake answers as the test says and notes what it was asked. It fakes what the
// real service does only now and then.
type fake struct {
	sent     []*sqs.SendMessageInput
	received []*sqs.ReceiveMessageInput
	deleted  []*sqs.DeleteMessageBatchInput
	hidden   []*sqs.ChangeMessageVisibilityBatchInput

	polls     [][]types.Message // one for each receive, then none
	send      func(*sqs.SendMessageInput) error
	failures  []types.BatchResultErrorEntry // of the first batch of deletes or hidings
	batchErrs []error                       // one for each batch
	visible   string
	inFlight  string
}

func (f *fake) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	f.sent = append(f.sent, in)
	if f.send != nil {
		return &sqs.SendMessageOutput{}, f.send(in)
	}
	return &sqs.SendMessageOutput{}, nil
}

func (f *fake) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	f.received = append(f.received, in)
	if len(f.polls) == 0 {
		return &sqs.ReceiveMessageOutput{}, nil
	}
	messages := f.polls[0]
	f.polls = f.polls[1:]
	return &sqs.ReceiveMessageOutput{Messages: messages}, nil
}

func (f *fake) batch() ([]types.BatchResultErrorEntry, error) {
	failures := f.failures
	f.failures = nil
	if len(f.batchErrs) == 0 {
		return failures, nil
	}
	err := f.batchErrs[0]
	f.batchErrs = f.batchErrs[1:]
	return failures, err
}

func (f *fake) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	f.deleted = append(f.deleted, in)
	failures, err := f.batch()
	return &sqs.DeleteMessageBatchOutput{Failed: failures}, err
}

func (f *fake) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	f.hidden = append(f.hidden, in)
	failures, err := f.batch()
	return &sqs.ChangeMessageVisibilityBatchOutput{Failed: failures}, err
}

func (f *fake) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"ApproximateNumberOfMessages": f.visible, "ApproximateNumberOfMessagesNotVisible": f.inFlight}}, nil
}

func over(f *fake) *sqsqueue.Queue {
	q := sqsqueue.New(f, queueURL, deadLetterURL)
	q.Log = slog.New(slog.DiscardHandler)
	return q
}

func given(handle, body string) types.Message {
	return types.Message{
		MessageId: aws.String("id-" + handle), ReceiptHandle: aws.String(handle), Body: aws.String(body),
		Attributes: map[string]string{"ApproximateReceiveCount": "2", "SentTimestamp": "1767225600123", "MessageGroupId": "user-9"},
	}
}

func TestRingSendsJobAndBell(t *testing.T) {
	for _, tc := range []struct {
		name      string
		message   job.Message
		wantBody  string
		wantGroup *string
	}{
		{"with a group", job.Message{Job: "s-1", Bell: 3, Group: "user-9"}, `{"job":"s-1","bell":3}`, aws.String("user-9")},
		{"without", job.Message{Job: "s_2", Bell: 1 << 40}, `{"job":"s_2","bell":1099511627776}`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{}
			if err := over(f).Ring(t.Context(), tc.message); err != nil {
				t.Fatal(err)
			}
			in := f.sent[0]
			if len(f.sent) != 1 || *in.QueueUrl != queueURL || *in.MessageBody != tc.wantBody {
				t.Errorf("sent %d messages, %q to %s; want %q", len(f.sent), *in.MessageBody, *in.QueueUrl, tc.wantBody)
			}
			if diff := cmp.Diff(tc.wantGroup, in.MessageGroupId); diff != "" {
				t.Errorf("group (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReceiveAsksTwiceAtMost(t *testing.T) {
	one := []types.Message{given("h", `{"job":"a","bell":1}`)}
	for _, tc := range []struct {
		name     string
		polls    [][]types.Message
		wantAsks int
		want     int
	}{
		{"found at once", [][]types.Message{one, one}, 1, 1},
		{"found at the second look", [][]types.Message{nil, one}, 2, 1},
		{"empty", nil, 2, 0},
		{"a third look is another receive's", [][]types.Message{nil, nil, one}, 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{polls: tc.polls}
			got, err := over(f).Receive(t.Context(), 4, 3*time.Second)
			if err != nil || got == nil || len(got) != tc.want || len(f.received) != tc.wantAsks {
				t.Errorf("got %v, %v in %d requests; want %d messages in %d", got, err, len(f.received), tc.want, tc.wantAsks)
			}
		})
	}
}

func TestReceiveAsksForWhatItNeeds(t *testing.T) {
	for _, tc := range []struct {
		limit    int
		hide     time.Duration
		wantMax  int32
		wantHide int32
	}{
		{4, 3 * time.Second, 4, 3},
		{10, 60001 * time.Millisecond, 10, 61},
		{25, 24 * time.Hour, 10, 43200},
		{1, 0, 1, 1}, // 0 would mean the queue's default
	} {
		t.Run(fmt.Sprint(tc.limit, tc.hide), func(t *testing.T) {
			f := &fake{}
			if _, err := over(f).Receive(t.Context(), tc.limit, tc.hide); err != nil {
				t.Fatal(err)
			}
			in := f.received[0]
			if in.MaxNumberOfMessages != tc.wantMax || in.VisibilityTimeout != tc.wantHide || in.WaitTimeSeconds != 0 || *in.QueueUrl != queueURL {
				t.Errorf("asked for %d hidden for %d s, wait %d s; want %d, %d, 0", in.MaxNumberOfMessages, in.VisibilityTimeout, in.WaitTimeSeconds, tc.wantMax, tc.wantHide)
			}
			for _, name := range []types.MessageSystemAttributeName{"ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"} {
				if !slices.Contains(in.MessageSystemAttributeNames, name) {
					t.Errorf("%s not asked for", name)
				}
			}
		})
	}
}

// A standard queue may give out a message twice in one answer, and older ones
// after newer ones. All of that is passed on: the receiver goes by the job.
func TestReceivePassesOnDuplicatesAndOrder(t *testing.T) {
	f := &fake{polls: [][]types.Message{{
		given("h3", `{"job":"a","bell":3}`),
		given("h1", `{"job":"a","bell":1}`),
		given("h3'", `{"job":"a","bell":3}`),
		given("h9", `{"bell":9,"job":"b","from":"a newer version"}`),
	}}}
	got, err := over(f).Receive(t.Context(), 10, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	received := func(id string, bell int64, handle string) job.Received {
		return job.Received{Message: job.Message{Job: id, Bell: bell, Group: "user-9"}, Handle: handle, Receives: 2, SentAt: 1767225600123}
	}
	want := []job.Received{received("a", 3, "h3"), received("a", 1, "h1"), received("a", 3, "h3'"), received("b", 9, "h9")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	if len(f.deleted)+len(f.sent)+len(f.hidden) > 0 {
		t.Error("more calls than the receive")
	}
}

func handles(in *sqs.DeleteMessageBatchInput) []string {
	var all []string
	for _, e := range in.Entries {
		all = append(all, *e.ReceiptHandle)
	}
	return all
}

func TestPoisonIsSentBeforeItIsDeleted(t *testing.T) {
	poll := []types.Message{given("p1", "poison 1"), given("h", `{"job":"a","bell":1}`), given("p2", "poison 2")}

	t.Run("all is well", func(t *testing.T) {
		f := &fake{polls: [][]types.Message{poll}}
		f.send = func(*sqs.SendMessageInput) error {
			if len(f.deleted) > 0 {
				t.Error("deleted before it was sent")
			}
			return nil
		}
		got, err := over(f).Receive(t.Context(), 10, time.Second)
		if err != nil || len(got) != 1 || got[0].Job != "a" {
			t.Fatalf("got %v, %v; want the one good message", got, err)
		}
		if len(f.sent) != 2 || *f.sent[0].QueueUrl != deadLetterURL || *f.sent[0].MessageBody != "poison 1" || *f.sent[1].MessageBody != "poison 2" {
			t.Errorf("sent %d messages, want both to the dead-letter queue", len(f.sent))
		}
		if len(f.deleted) != 1 || !cmp.Equal(handles(f.deleted[0]), []string{"p1", "p2"}) {
			t.Errorf("%d deletes, want one of both", len(f.deleted))
		}
	})

	t.Run("the dead-letter queue fails", func(t *testing.T) {
		f := &fake{polls: [][]types.Message{poll}, send: func(in *sqs.SendMessageInput) error {
			if *in.MessageBody == "poison 1" {
				return errors.New("away")
			}
			return nil
		}}
		got, err := over(f).Receive(t.Context(), 10, time.Second)
		if err != nil || len(got) != 1 {
			t.Fatalf("got %v, %v; want the one good message", got, err)
		}
		if len(f.deleted) != 1 || !cmp.Equal(handles(f.deleted[0]), []string{"p2"}) {
			t.Error("want only what was sent to be deleted")
		}
	})

	t.Run("the delete fails", func(t *testing.T) {
		f := &fake{polls: [][]types.Message{poll}, batchErrs: []error{errors.New("away")}}
		if got, err := over(f).Receive(t.Context(), 10, time.Second); err != nil || len(got) != 1 {
			t.Fatalf("got %v, %v; want the one good message", got, err)
		}
	})
}

func TestNoPayloadInTheLog(t *testing.T) {
	var log strings.Builder
	f := &fake{polls: [][]types.Message{{given("handle-1", `{"job":"a","bell":"secret"}`)}}, send: func(*sqs.SendMessageInput) error { return errors.New("away") }}
	q := over(f)
	q.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if _, err := q.Receive(t.Context(), 1, time.Second); err != nil {
		t.Fatal(err)
	}
	f.failures = []types.BatchResultErrorEntry{{Id: aws.String("0"), Code: aws.String("ReceiptHandleIsInvalid"), Message: aws.String("handle-1 is not valid")}}
	if err := q.Delete(t.Context(), []string{"handle-1"}); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Contains(text, "secret") || strings.Contains(text, "=handle-1") || !strings.Contains(text, "message_id=id-handle-1") || !strings.Contains(text, "level=DEBUG") {
		t.Errorf("log: %s", text)
	}
}

func TestBatchesOfTen(t *testing.T) {
	for _, tc := range []struct {
		n    int
		want []int
	}{{0, nil}, {1, []int{1}}, {10, []int{10}}, {11, []int{10, 1}}, {23, []int{10, 10, 3}}} {
		t.Run(fmt.Sprint(tc.n), func(t *testing.T) {
			f := &fake{}
			q := over(f)
			var all []string
			var hidings []dispatch.Hiding
			for i := range tc.n {
				all = append(all, fmt.Sprint("h", i))
				hidings = append(hidings, dispatch.Hiding{Handle: all[i], For: time.Duration(i) * time.Second})
			}
			if err := q.Delete(t.Context(), all); err != nil {
				t.Fatal(err)
			}
			if err := q.Hide(t.Context(), hidings); err != nil {
				t.Fatal(err)
			}
			var deletes, hides []int
			var deleted, hid []string
			for _, in := range f.deleted {
				deletes = append(deletes, len(in.Entries))
				deleted = append(deleted, handles(in)...)
			}
			for _, in := range f.hidden {
				hides = append(hides, len(in.Entries))
				for _, e := range in.Entries {
					hid = append(hid, *e.ReceiptHandle)
					if want := fmt.Sprint("h", e.VisibilityTimeout); want != *e.ReceiptHandle {
						t.Errorf("%s hidden for %d s", *e.ReceiptHandle, e.VisibilityTimeout)
					}
				}
			}
			if !cmp.Equal(tc.want, deletes) || !cmp.Equal(tc.want, hides) || !cmp.Equal(all, deleted) || !cmp.Equal(all, hid) {
				t.Errorf("deletes %v, hides %v; want batches of %v", deletes, hides, tc.want)
			}
		})
	}
}

func TestHideInWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]int32{
		-time.Minute: 0, -time.Second: 0, 0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 600 * time.Second: 600,
		12*time.Hour - 1: 43200, 12 * time.Hour: 43200, 12*time.Hour + 1: 43200, 1 << 62: 43200,
	} {
		t.Run(d.String(), func(t *testing.T) {
			f := &fake{}
			if err := over(f).Hide(t.Context(), []dispatch.Hiding{{Handle: "h", For: d}}); err != nil {
				t.Fatal(err)
			}
			if got := f.hidden[0].Entries[0].VisibilityTimeout; got != want {
				t.Errorf("hidden for %d s, want %d", got, want)
			}
		})
	}
}

func TestFailuresOfEntries(t *testing.T) {
	for _, tc := range []struct {
		code string
		fine bool
	}{
		{"ReceiptHandleIsInvalid", true},
		{"InvalidParameterValue", true},
		{"InvalidParameterValueException", true},
		{"MessageNotInflight", true},
		{"AWS.SimpleQueueService.MessageNotInflight", true},
		{"AWS.SimpleQueueService.ReceiptHandleIsInvalid", true},
		{"InternalError", false},
		{"RequestThrottled", false},
		{"KmsThrottled", false},
		{"", false},
	} {
		t.Run(tc.code, func(t *testing.T) {
			failures := []types.BatchResultErrorEntry{{Id: aws.String("1"), Code: aws.String(tc.code)}}
			f := &fake{failures: failures}
			q := over(f)
			if err := q.Delete(t.Context(), make([]string, 12)); (err == nil) != tc.fine {
				t.Errorf("Delete: %v", err)
			}
			f.failures = failures
			if err := q.Hide(t.Context(), make([]dispatch.Hiding, 12)); (err == nil) != tc.fine {
				t.Errorf("Hide: %v", err)
			}
			if len(f.deleted) != 2 || len(f.hidden) != 2 {
				t.Errorf("%d and %d batches, want the second in spite of the first", len(f.deleted), len(f.hidden))
			}
		})
	}
}

func TestFailureOfABatchDoesNotStopTheNext(t *testing.T) {
	away := errors.New("away")
	f := &fake{batchErrs: []error{away, nil, away, nil}}
	q := over(f)
	if err := q.Delete(t.Context(), make([]string, 12)); !errors.Is(err, away) || len(f.deleted) != 2 {
		t.Errorf("Delete: %v after %d batches", err, len(f.deleted))
	}
	if err := q.Hide(t.Context(), make([]dispatch.Hiding, 12)); !errors.Is(err, away) || len(f.hidden) != 2 {
		t.Errorf("Hide: %v after %d batches", err, len(f.hidden))
	}
}

func TestDepth(t *testing.T) {
	for _, want := range []dispatch.Depth{{}, {Visible: 120000, Hidden: 7}} {
		f := &fake{visible: strconv.Itoa(want.Visible), inFlight: strconv.Itoa(want.Hidden)}
		if got, err := over(f).Depth(t.Context()); err != nil || got != want {
			t.Errorf("Depth() = %v, %v; want %v", got, err, want)
		}
	}
	if _, err := over(&fake{visible: "1"}).Depth(t.Context()); err == nil {
		t.Error("no number: no error")
	}
}

// operations are all uses of a queue.
var operations = map[string]func(context.Context, *sqsqueue.Queue) error{
	"Ring": func(ctx context.Context, q *sqsqueue.Queue) error { return q.Ring(ctx, job.Message{Job: "a", Bell: 1}) },
	"Receive": func(ctx context.Context, q *sqsqueue.Queue) error {
		_, err := q.Receive(ctx, 1, time.Second)
		return err
	},
	"Hide": func(ctx context.Context, q *sqsqueue.Queue) error {
		return q.Hide(ctx, []dispatch.Hiding{{Handle: "h", For: time.Second}})
	},
	"Delete": func(ctx context.Context, q *sqsqueue.Queue) error { return q.Delete(ctx, []string{"h"}) },
	"Depth":  func(ctx context.Context, q *sqsqueue.Queue) error { _, err := q.Depth(ctx); return err },
}

func TestHangingReply(t *testing.T) {
	hang.Run(t, operations, func(*testing.T) *sqsqueue.Queue { return sqsqueue.New(client(hang.Reply), queueURL, deadLetterURL) })
}
