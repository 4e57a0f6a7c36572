package record_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/dev/invoke/record"
	"runlease/infra/grants"
)

var names = record.Names{
	Jobs: "jobs-1", Problems: "problems-1", Credentials: "credentials-1",
	Queue: "http://q/jobs", DeadLetter: "http://q/dead", Bucket: "bucket-1",
}

func TestRecorderNotesActionsAndResources(t *testing.T) {
	var host, body string
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		host, body = r.Host, string(text)
		if strings.Contains(r.URL.Path, "missing") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		io.WriteString(w, "reply")
	}))
	defer aws.Close()
	target, err := url.Parse(aws.URL)
	if err != nil {
		t.Fatal(err)
	}
	recorder := record.New(target, names)
	server := httptest.NewServer(recorder)
	defer server.Close()

	for _, tc := range []struct {
		name                       string
		method, path, target, body string
		want                       []record.Call
	}{
		{"an item", "POST", "/", "DynamoDB_20120810.GetItem", `{"TableName":"jobs-1"}`, []record.Call{{grants.GetItem, grants.Jobs}}},
		{"an index", "POST", "/", "DynamoDB_20120810.Query", `{"TableName":"jobs-1","IndexName":"open"}`, []record.Call{{grants.Query, grants.OpenJobs}}},
		{"another index", "POST", "/", "DynamoDB_20120810.Query", `{"TableName":"jobs-1","IndexName":"x"}`, []record.Call{{grants.Query, "index x"}}},
		{"a batch of items", "POST", "/", "DynamoDB_20120810.BatchGetItem", `{"RequestItems":{"jobs-1":{}}}`, []record.Call{{grants.BatchGetItem, grants.Jobs}}},
		{
			"a transaction needs its parts", "POST", "/", "DynamoDB_20120810.TransactWriteItems",
			`{"TransactItems":[{"Update":{"TableName":"problems-1"}},{"Put":{"TableName":"problems-1"}}]}`,
			[]record.Call{{grants.PutItem, grants.Problems}, {grants.UpdateItem, grants.Problems}},
		},
		{"somebody else's table", "POST", "/", "DynamoDB_20120810.GetItem", `{"TableName":"x"}`, []record.Call{{grants.GetItem, `unknown "x"`}}},
		{"a batch of messages", "POST", "/", "AmazonSQS.DeleteMessageBatch", `{"QueueUrl":"http://q/jobs"}`, []record.Call{{grants.DeleteMessage, grants.Queue}}},
		{"the other queue", "POST", "/", "AmazonSQS.SendMessage", `{"QueueUrl":"http://q/dead"}`, []record.Call{{grants.SendMessage, grants.DeadLetterQueue}}},
		{"an object", "PUT", "/bucket-1/code/j/h.zip", "", "zip", []record.Call{{grants.PutObject, grants.Code}}},
		{"an object that goes", "DELETE", "/bucket-1/code/j/h.zip", "", "", []record.Call{{grants.DeleteObject, grants.Code}}},
		{"a look at an object", "HEAD", "/bucket-1/testdata/1/h.zip", "", "", []record.Call{{grants.GetObject, grants.Testdata}}},
		{"a look at none", "HEAD", "/bucket-1/results/missing", "", "", []record.Call{{grants.GetObject, grants.Results}, {grants.ListBucket, grants.Bucket}}},
		{"somebody else's bucket", "GET", "/x/code/j", "", "", []record.Call{{grants.GetObject, "/x/code/j"}}},
		{"metrics", "POST", "/service/GraniteServiceVersion20100801/operation/GetMetricData", "", "", []record.Call{{grants.GetMetricData, grants.Metrics}}},
		{"what nobody knows", "POST", "/", "Kinesis.PutRecord", `{}`, []record.Call{{"Kinesis.PutRecord", "unknown"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.target != "" {
				r.Header.Set("X-Amz-Target", tc.target)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if "http://"+host != server.URL || body != tc.body {
				t.Errorf("passed on with host %s and body %q", host, body)
			}
			if diff := cmp.Diff(tc.want, recorder.Take()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
	if again := recorder.Take(); len(again) > 0 {
		t.Errorf("taken twice: %v", again)
	}
}

func TestPresignedURLsCountAsCalls(t *testing.T) {
	var reply any
	err := json.Unmarshal([]byte(`{"body":{"data":{
		"code":{"url":"http://h/bucket-1/code/j/h.zip?X-Amz-Signature=1"},
		"list":[{"upload":{"url":"http://h/bucket-1/results/j/1/h.zip","method":"PUT"}}]}}}`), &reply)
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Call{{grants.GetObject, grants.Code}, {grants.ListBucket, grants.Bucket}, {grants.PutObject, grants.Results}}
	if diff := cmp.Diff(want, names.Presigned(reply)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
