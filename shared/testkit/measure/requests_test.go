package measure

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"runlease/shared/api"

	"runlease/shared/bill"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
)

var update = flag.Bool("update", false, "write requests.json anew")

// requestsFile is what package meter embeds.
var requestsFile = filepath.Join("..", "..", "bill", "requests.json")

func TestRequests(t *testing.T) {
	rows := Requests(t)
	var got bytes.Buffer
	got.WriteString("[\n")
	for i, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(line)
		if i < len(rows)-1 {
			got.WriteByte(',')
		}
		got.WriteByte('\n')
	}
	got.WriteString("]\n")
	if *update {
		if err := os.WriteFile(requestsFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(requestsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("requests.json does not say what requests cost (-file +measured); go test ./shared/testkit/measure -update writes it:\n%s", diff)
	}
	for _, route := range api.Routes() {
		if !slices.ContainsFunc(rows, func(r bill.Request) bool {
			return r.Name == route.Name || strings.HasPrefix(r.Name, route.Name+",")
		}) {
			t.Errorf("%s was not measured", route.Name)
		}
	}
}

// TestBudgets is what requests may cost at most, whatever requests.json says.
func TestBudgets(t *testing.T) {
	rows := map[string]bill.Request{}
	for _, r := range Requests(t) {
		rows[r.Name] = r
	}
	check := func(name, what string, ok bool) {
		t.Helper()
		r, measured := rows[name]
		if !measured || !ok {
			t.Errorf("%s: want %s, got %v", name, what, r)
		}
	}
	for _, name := range []string{"any route, malformed token", "any route, mistyped token"} {
		check(name, "no AWS call", len(rows[name].AWS) == 0)
	}
	for _, name := range []string{"list-jobs, nothing there", "sync, nothing there"} {
		check(name, "at most 2 requests to SQS and nothing else", Count(rows[name], "") <= 2 && Count(rows[name], "sqs ") > 0 && Count(rows[name], "dynamodb ") == 0)
	}
	for _, name := range []string{"heartbeat", "sync, one heartbeat", "heartbeat, before the claim has its handle"} {
		r := rows[name]
		check(name, "1 write unit, 1 read unit, at most 1 request to SQS", r.WriteUnits == 1 && r.ReadUnits == 1 && Count(r, "sqs ") <= 1 && Count(r, "") <= 3)
	}
	for _, name := range []string{"heartbeat, sooner than it is due", "sync, a heartbeat sooner than it is due"} {
		r := rows[name]
		check(name, "1 read unit and nothing else", r.WriteUnits == 0 && r.ReadUnits == 1 && Count(r, "") == 1)
	}
	sync := rows["a job by sync, without heartbeats"]
	check(sync.Name, "at most 8 write units, one of them the feed's and one of the index by problem", sync.WriteUnits <= 8)
	check(sync.Name, "at most 5 read units, and one for the read of the verdict", sync.ReadUnits <= 5+1)
	check(sync.Name, "nothing of S3", Count(sync, "s3 ") == 0)
	compat := rows["a job by the compat routes, without heartbeats"]
	check(compat.Name, "at most 8 API calls with a heartbeat", compat.APICalls+1 <= 8)
	check(compat.Name, "nothing of S3", Count(compat, "s3 ") == 0)
}

// TestJobBytes: what the bill takes for the items of a final job and of its code is
// what they are.
func TestJobBytes(t *testing.T) {
	w := newWorld(t)
	w.publish()
	w.create(id(1))
	claimed := w.synced(1)
	w.synced(0, claimed...)
	it := w.backend.Item("jobs", id(1))
	size := dynamo.ItemSize(it)
	packed := 1 + 20*(1+len("42")+1) // how, and for each case two lengths and a text
	if got := size - packed; got != bill.JobBytes {
		t.Errorf("%d bytes without its outputs, want bill.JobBytes, %d", got, bill.JobBytes)
	}
	entry := map[string]types.AttributeValue{dynamo.JobsKey: it[dynamo.JobsKey], dynamo.OpenHash: it[dynamo.OpenHash], dynamo.OpenRange: it[dynamo.OpenRange]}
	if got := dynamo.ItemSize(entry); got != bill.EndedBytes {
		t.Errorf("%d bytes in the index, want bill.EndedBytes, %d", got, bill.EndedBytes)
	}
	entry = map[string]types.AttributeValue{dynamo.JobsKey: it[dynamo.JobsKey], dynamo.FinalHash: it[dynamo.FinalHash], dynamo.FinalRange: it[dynamo.FinalRange]}
	if got := dynamo.ItemSize(entry); got != bill.FinalBytes {
		t.Errorf("%d bytes in the index by problem, want bill.FinalBytes, %d", got, bill.FinalBytes)
	}
	if size > 1024 {
		t.Errorf("%d bytes are more than a write unit", size)
	}
	zip := codeOf(id(1), bill.CodeBytes)
	code := w.backend.Item("jobs", id(1)+"#"+digest(string(zip))[:16])
	if got := dynamo.ItemSize(code) - len(zip); got != bill.CodeItemBytes {
		t.Errorf("%d bytes beside the code, want bill.CodeItemBytes, %d", got, bill.CodeItemBytes)
	}
	if longest := dispatch.MaxCodeInline + bill.CodeItemBytes - len(id(1)) + 64; longest > 2*1024 {
		t.Errorf("the longest code is an item of %d bytes, more than two write units", longest)
	}
}
