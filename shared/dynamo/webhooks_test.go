package dynamo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"runlease/shared/announce"
)

func TestWebhooks(t *testing.T) {
	refusal := reply{400, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`}
	wire := &canned{replies: []reply{
		{200, `{"Items":[{"all":{"S":"all"},"id":{"S":"wh_1"},"u":{"S":"https://a"},"s":{"S":"whsec_a"},"f":{"S":"whsec_b"},"fe":{"N":"1800000000000"},"c":{"N":"1700000000000"},"v":{"N":"2"}}]}`},
		{200, `{}`},
		refusal,
		{200, `{}`},
		refusal,
	}}
	w := on(t, wire).Webhooks()
	all, err := w.Endpoints(t.Context())
	want := announce.Endpoint{ID: "wh_1", URL: "https://a", Secret: "whsec_a", Former: "whsec_b", FormerEnd: time.UnixMilli(1800000000000).UTC(), CreatedAt: time.UnixMilli(1700000000000).UTC(), Revision: 2}
	if err != nil || len(all) != 1 || all[0] != want {
		t.Errorf("got %+v, %v", all, err)
	}
	for i, want := range []bool{true, false} {
		if put, err := w.PutEndpoint(t.Context(), all[0]); put != want || err != nil {
			t.Errorf("put %d: %v, %v", i, put, err)
		}
	}
	for i, want := range []bool{true, false} {
		if removed, err := w.RemoveEndpoint(t.Context(), "wh_1"); removed != want || err != nil {
			t.Errorf("removed %d: %v, %v", i, removed, err)
		}
	}
	if sent := fmt.Sprint(wire.requests[1].body); !strings.Contains(sent, "ConditionExpression:#v = :was") || !strings.Contains(sent, "whsec_b") {
		t.Errorf("put %s", sent)
	}
	if sent := fmt.Sprint(wire.requests[3].body); !strings.Contains(sent, "attribute_exists") {
		t.Errorf("removed %s", sent)
	}
}
