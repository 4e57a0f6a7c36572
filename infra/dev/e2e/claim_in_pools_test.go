package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// flood is how many jobs of the default pool are in the way.
const flood = 40

// inPool claims up to ten jobs of one pool, and returns them by their ids.
func (c *client) inPool(runner, pool string) map[string]map[string]any {
	c.t.Helper()
	got := c.sync(runner, map[string]any{"slots": 10, "leaseSeconds": 60, "pools": []string{pool}})
	claimed := map[string]map[string]any{}
	for i := range got.Data["jobs"].([]any) {
		claimed[entry(got, "jobs", i)["submissionId"].(string)] = entry(got, "jobs", i)
	}
	return claimed
}

// TestPools: a rejudge of many in the default pool neither delays an exam nor gets to
// its runner, and the exam's jobs go to no other.
func TestPools(t *testing.T) {
	able(t, "pools")
	c := newClient(t)
	usual, exam := c.published(), freshProblem()
	c.want(201, "", request{"PUT", fmt.Sprintf("/problems/%d", exam), map[string]any{"tasks": oneTask, "pool": "exam"}, producer()})
	c.want(200, "", request{"POST", fmt.Sprintf("/problems/%d/publish", exam), nil, producer()})

	var others []string
	for range flood {
		others = append(others, c.queued(usual))
	}
	for _, id := range others[:flood/2] {
		c.want(200, "", request{"POST", "/jobs/" + id + "/rejudge", map[string]any{"generation": 0}, producer()})
	}
	id := c.queued(exam)
	if got := c.job(id)["pool"]; got != "exam" {
		t.Errorf("a job of the exam's problem is in the pool %v", got)
	}
	standing := c.want(200, "", request{"GET", "/ops/pools", nil, producer()})
	waiting := map[string]float64{}
	for i := range standing.Data["pools"].([]any) {
		p := entry(standing, "pools", i)
		waiting[p["name"].(string)], _ = p["waiting"].(float64)
	}
	if waiting["exam"] != 1 || waiting["default"] < flood {
		t.Errorf("%v wait", waiting)
	}
	c.want(200, "", request{"GET", "/ops/demand?pool=exam", nil, producer()})

	for id := range c.inPool("usual", "default") {
		if !slices.Contains(others, id) {
			t.Errorf("a runner of the default pool got %s", id)
		}
	}
	began := time.Now()
	var claim map[string]any
	for claim == nil && time.Since(began) < time.Minute { // one look of an emulator's queue may miss it
		for got, of := range c.inPool("invigilator", "exam") {
			if got != id {
				t.Errorf("the exam's runner got %s", got)
			}
			claim = of
		}
	}
	t.Logf("behind %d others the exam's job was claimed after %s", flood, time.Since(began).Round(time.Millisecond))
	if claim == nil {
		t.Fatal("the exam's job is not claimed")
	}
	beat := c.want(200, "", request{"POST", "/runner/heartbeat", map[string]any{"submissionId": id}, as("invigilator")})
	if beat.Data["action"] != "continue" {
		t.Errorf("heartbeat %v", beat.Data)
	}
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(claim["token"].(string), "AC"), as("invigilator")})

	// By list and claim, after a rejudge.
	c.want(200, "", request{"POST", "/jobs/" + id + "/rejudge", map[string]any{"generation": 0}, producer()})
	for found := false; !found; time.Sleep(500 * time.Millisecond) {
		listed := c.want(200, "", request{"GET", "/runner/jobs?limit=10&pools=exam", nil, as("invigilator")})
		found = len(listed.Data["jobs"].([]any)) == 1 && entry(listed, "jobs", 0)["submissionId"] == id
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("the exam's list shows %v", listed.Data)
		}
	}
	token := c.claimed(id, "invigilator")
	c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": token, "reason": "drain"}, as("invigilator")})
	for _, id := range append(others, id) {
		c.do(request{"POST", "/jobs/" + id + "/cancel", nil, producer()}) // a claimed one ends with its lease
	}
}

// TestDeadLettersSayTheirPool: what cannot be parsed is kept with the name of the pool
// whose queue it was in.
func TestDeadLettersSayTheirPool(t *testing.T) {
	able(t, "pools")
	able(t, "dead-letters")
	c := newClient(t)
	_, exam, _ := strings.Cut(deployed(t, "RUNLEASE_POOL_QUEUES"), "exam=")
	dead := deployed(t, "RUNLEASE_DEAD_LETTER_QUEUE_URL")
	queue, body := queues(t), fresh("junk")
	if _, err := queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &exam, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		c.inPool("invigilator", "exam")
		out, err := queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &dead, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if aws.ToString(m.Body) != body {
				continue
			}
			if got := aws.ToString(m.MessageAttributes["pool"].StringValue); got != "exam" {
				t.Errorf("its pool is %q", got)
			}
			if _, err := queue.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Error(err)
			}
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Error("it is in no dead-letter queue")
}
