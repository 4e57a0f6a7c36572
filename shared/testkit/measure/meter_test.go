package measure

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/dynamo"
	"runlease/shared/job"
	"runlease/shared/testkit/canned"
	"runlease/shared/testkit/meter"
)

// TestRefusedWriteCounts: a write whose condition does not hold costs what the
// item costs that is there.
func TestRefusedWriteCounts(t *testing.T) {
	for _, tc := range []struct {
		name  string
		bytes int // of the stored item's group
		want  float64
	}{
		{"small", 40, 1},
		{"above 2 KB", 2048, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			stored := job.Job{ID: "a", State: job.Created, Group: strings.Repeat("g", tc.bytes), Revision: 1, WriteID: "0000000000000001"}
			if _, created, err := w.store.Create(t.Context(), stored); err != nil || !created {
				t.Fatal(created, err)
			}
			stale := stored
			stale.Revision = 7
			after := stale
			after.Revision, after.WriteID, after.Group = 8, "0000000000000002", "" // the new item would be small
			w.meter.Take()
			if _, saved, err := w.store.Save(t.Context(), stale, after); err != nil || saved {
				t.Fatal(saved, err)
			}
			calls := w.meter.Take()
			if len(calls) != 1 || !calls[0].Refused || calls[0].Failed || calls[0].WriteUnits != tc.want {
				t.Errorf("got %+v, want one refused call of %v write units", calls, tc.want)
			}
		})
	}
}

// flaky refuses the first requests as an overloaded service does.
type flaky struct {
	left int
	next http.RoundTripper
}

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.left > 0 {
		f.left--
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	}
	return f.next.RoundTrip(r)
}

// TestRepetitionsCount: every request that the SDK sends is counted, and what
// fails in the end is marked.
func TestRepetitionsCount(t *testing.T) {
	for _, tc := range []struct {
		name           string
		faults         int
		requests       int
		failed         bool
		units          float64
		operation, tab string
	}{
		{"none", 0, 1, false, 1, "GetItem", "jobs"},
		{"one", 1, 2, false, 1, "GetItem", "jobs"},
		{"all four", 4, 4, true, 0, "GetItem", "jobs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			cfg, err := awsclient.FromEnv(func(name string) string {
				return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
			})
			if err != nil {
				t.Fatal(err)
			}
			cfg.HTTPClient = &http.Client{Transport: &flaky{tc.faults, w.backend}}
			unmetered := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Jobs: "jobs"})
			m := meter.Attach(&cfg)
			store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Jobs: "jobs"})
			_, _, err = store.Get(t.Context(), "nobody")
			calls := m.Take()
			if len(calls) != 1 || (err != nil) != tc.failed {
				t.Fatalf("got %+v, error %v", calls, err)
			}
			want := meter.Call{Service: "dynamodb", Operation: tc.operation, Resource: tc.tab, Requests: tc.requests, Items: 1, ReadUnits: tc.units, Failed: tc.failed}
			if calls[0] != want {
				t.Errorf("got %+v, want %+v", calls[0], want)
			}
			// A client that was made before is not watched.
			_, _, _ = unmetered.Get(t.Context(), "nobody")
			if calls := m.Take(); len(calls) != 0 {
				t.Errorf("got %+v of a client that was made before", calls)
			}
		})
	}
}

// TestCannedRefusesWhatItDoesNotKnow: a count of something that was answered
// wrongly would be worse than none.
func TestCannedRefusesWhatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = &http.Client{Transport: w.backend}
	client := dynamodb.NewFromConfig(cfg)
	name, update, condition := "jobs", "DELETE #0 :0", "begins_with (#0, :0)"
	key := canned.Item{dynamo.JobsKey: &types.AttributeValueMemberS{Value: "a"}}
	names := map[string]string{"#0": "x"}
	values := canned.Item{":0": &types.AttributeValueMemberN{Value: "1"}}
	for what, in := range map[string]*dynamodb.UpdateItemInput{
		"clause":    {TableName: &name, Key: key, UpdateExpression: &update, ExpressionAttributeNames: names, ExpressionAttributeValues: values},
		"condition": {TableName: &name, Key: key, ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values},
	} {
		if _, err := client.UpdateItem(t.Context(), in); err == nil || !strings.Contains(err.Error(), "not canned") {
			t.Errorf("%s: got error %v", what, err)
		}
	}
	if _, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &name}); err == nil || !strings.Contains(err.Error(), "not canned") {
		t.Errorf("scan: got error %v", err)
	}
}
