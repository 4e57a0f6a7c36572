package sqsqueue_test

import (
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/sqsqueue"
)

// Whatever a message says, it is either understood and returned, or in the
// dead-letter queue as it was.
func FuzzReceive(f *testing.F) {
	for _, body := range []string{
		`{"job":"s-1","bell":1}`, `{"bell":9223372036854775807,"job":"x","more":[]}`, `{"job":"s-1","bell":0}`, `{"job":"a/b","bell":1}`,
		`{"job":"s-1","bell":1e3}`, `{"job":"s-1","bell":9223372036854775808}`, `{"job":"s-1\n","bell":1}`, `null`, ``, `{`,
	} {
		f.Add(body)
	}
	id := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) {
			return // SQS takes no such body
		}
		q := &fake{polls: [][]types.Message{{given("h", body)}}}
		got, err := over(q).Receive(t.Context(), 10, time.Second)
		switch {
		case err != nil:
			t.Fatal(err)
		case len(got) == 1:
			if !id.MatchString(got[0].Job) || got[0].Bell < 1 || len(q.sent)+len(q.deleted) > 0 {
				t.Errorf("%q was understood as %v", body, got[0].Message)
			}
		case len(q.sent) != 1 || *q.sent[0].MessageBody != body || *q.sent[0].QueueUrl != deadLetterURL:
			t.Errorf("%q did not go to the dead-letter queue", body)
		case len(q.deleted) != 1 || !cmp.Equal(handles(q.deleted[0]), []string{"h"}):
			t.Errorf("%q was not deleted", body)
		}
	})
}

// Without its counters a message is not one of SQS's.
func TestMessageWithoutAttributes(t *testing.T) {
	for _, name := range []string{"ApproximateReceiveCount", "SentTimestamp"} {
		t.Run(name, func(t *testing.T) {
			m := given("h", `{"job":"s-1","bell":1}`)
			delete(m.Attributes, name)
			q := &fake{polls: [][]types.Message{{m}}}
			if got, err := over(q).Receive(t.Context(), 10, time.Second); err != nil || len(got) != 0 || len(q.sent) != 1 {
				t.Errorf("got %v, %v and %d dead letters, want one dead letter", got, err, len(q.sent))
			}
		})
	}
}

// A message that says two things of its bell is not understood by half.
func TestMessageThatContradictsItself(t *testing.T) {
	q := &fake{polls: [][]types.Message{{given("h", `{"job":"s-1","bell":1,"bell":"one"}`)}}}
	if got, err := over(q).Receive(t.Context(), 10, time.Second); err != nil || len(got) != 0 || len(q.sent) != 1 {
		t.Errorf("got %v, %v and %d dead letters, want one dead letter", got, err, len(q.sent))
	}
}

// A dead letter names the pool whose queue it was in; one of the default pool is as it was
// before there were others.
func TestDeadLettersNameTheirPool(t *testing.T) {
	f := &fake{}
	usual, others := sqsqueue.Open(f, queueURL, deadLetterURL, map[string]string{"exam": "https://exam"})
	for want, q := range map[string]dispatch.Queue{"": usual, "exam": others["exam"]} {
		f.polls, f.sent = [][]types.Message{{given("h", "junk")}}, nil
		if _, err := q.Receive(t.Context(), 1, time.Second); err != nil || len(f.sent) != 1 {
			t.Fatalf("%d sent, %v", len(f.sent), err)
		}
		if got := aws.ToString(f.sent[0].MessageAttributes[sqsqueue.PoolAttribute].StringValue); got != want || len(f.sent[0].MessageAttributes) != len(want)/4 {
			t.Errorf("the pool is %q, want %q (%v)", got, want, f.sent[0].MessageAttributes)
		}
		f.sent = nil
		if err := q.Ring(t.Context(), job.Message{Job: "a", Bell: 1}); err != nil || len(f.sent) != 1 || *f.sent[0].QueueUrl != map[string]string{"": queueURL, "exam": "https://exam"}[want] {
			t.Errorf("rung %v, %v", f.sent, err)
		}
	}
}
