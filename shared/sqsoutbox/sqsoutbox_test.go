package sqsoutbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/announce"
	"runlease/shared/awsclient"
	"runlease/shared/sqsoutbox"
)

// queues are two queues that speak SQS's JSON; hidden is by receipt handle.
type queues struct {
	bodies map[string][]string // by queue
	hidden map[string]float64
}

func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		QueueURL                   string `json:"QueueUrl"`
		MessageBody, ReceiptHandle string
		VisibilityTimeout          float64
		Entries                    []struct{ MessageBody string }
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	queue := in.QueueURL[strings.LastIndex(in.QueueURL, "/")+1:]
	out := map[string]any{}
	switch strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
	case "SendMessageBatch":
		for _, e := range in.Entries {
			q.bodies[queue] = append(q.bodies[queue], e.MessageBody)
		}
	case "SendMessage":
		q.bodies[queue] = append(q.bodies[queue], in.MessageBody)
	case "ReceiveMessage":
		var messages []any
		for i, body := range q.bodies[queue] {
			handle := fmt.Sprintf("%s-%d", queue, i)
			if body != "" && q.hidden[handle] == 0 {
				q.hidden[handle] = in.VisibilityTimeout
				messages = append(messages, map[string]any{"Body": body, "ReceiptHandle": handle, "Attributes": map[string]string{"ApproximateReceiveCount": "3"}})
			}
		}
		out["Messages"] = messages
	case "ChangeMessageVisibility":
		q.hidden[in.ReceiptHandle] = in.VisibilityTimeout
	case "DeleteMessage":
		var i int
		_, _ = fmt.Sscanf(strings.TrimPrefix(in.ReceiptHandle, queue+"-"), "%d", &i)
		q.bodies[queue][i] = ""
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

func TestOutbox(t *testing.T) {
	q := &queues{map[string][]string{}, map[string]float64{}}
	server := httptest.NewServer(q)
	defer server.Close()
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": server.URL}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	o := sqsoutbox.New(sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.DisableMessageChecksumValidation = true }), server.URL+"/1/live", server.URL+"/1/dead")
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC()
	var letters []announce.Letter
	for i := range 12 { // more than one request takes
		letters = append(letters, announce.Letter{Endpoint: "wh_1", Job: fmt.Sprintf("j%d", i), Generation: i, Since: now})
	}
	check(o.Add(ctx, letters))
	q.bodies["live"] = append(q.bodies["live"], "none of ours")
	held, err := o.Due(ctx)
	check(err)
	if len(held) != 12 || held[1].Job != "j1" || held[1].Generation != 1 || !held[1].Since.Equal(now) || held[1].Tries != 3 {
		t.Fatalf("due %+v", held)
	}
	if len(q.bodies["dead"]) != 1 || q.bodies["live"][12] != "" {
		t.Errorf("what is no letter is not with the dead ones: %v", q.bodies)
	}
	check(o.Later(ctx, held[0], 11*time.Hour))
	check(o.Remove(ctx, held[1]))
	held[2].Failure = "410"
	check(o.Bury(ctx, held[2]))
	if q.hidden[held[0].Handle] != 39600 || q.bodies["live"][1] != "" || q.bodies["live"][2] != "" {
		t.Errorf("hidden %v, live %v", q.hidden, q.bodies["live"])
	}
	dead, err := o.Dead(ctx)
	check(err)
	if len(dead) != 2 || dead[1].Job != "j2" || dead[1].Failure != "410" || q.hidden["dead-1"] != 0 {
		t.Errorf("dead %+v, hidden %v", dead, q.hidden)
	}
	if n, err := o.SendBack(ctx, "wh_2"); n != 0 || err != nil {
		t.Errorf("%d sent back of another endpoint, %v", n, err)
	}
	n, err := o.SendBack(ctx, "")
	check(err)
	if last := q.bodies["live"][len(q.bodies["live"])-1]; n != 1 || q.bodies["dead"][1] != "" || !strings.Contains(last, `"j2"`) || strings.Contains(last, "410") {
		t.Errorf("%d sent back, %v", n, q.bodies)
	}
}
