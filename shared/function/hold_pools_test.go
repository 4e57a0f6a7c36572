package function

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
)

// TestAPoolWithMessagesIsHeld: CloudFormation is told of a failure exactly where an update
// takes away a pool that has messages.
func TestAPoolWithMessagesIsHeld(t *testing.T) {
	for _, c := range []struct{ kind, before, after, want string }{
		{"Update", "exam=full,lab=none", "exam=full", "SUCCESS"},
		{"Update", "exam=full,lab=none", "exam=full,more=full", "SUCCESS"},
		{"Update", "exam=full,lab=none", "lab=none", "FAILED the pool exam has messages (2 visible, 1 hidden), so it stays"},
		{"Update", "exam=hidden", "", "FAILED the pool exam has messages (0 visible, 1 hidden)"},
		{"Update", "exam=away", "", "FAILED the messages of the pool exam cannot be counted, so it stays: no queue"},
		{"Update", "", "exam=full", "SUCCESS"},
		{"Create", "", "exam=full", "SUCCESS"},
		{"Delete", "", "exam=full", "SUCCESS"},
	} {
		var said struct{ Status, Reason, PhysicalResourceId string } //nolint:revive // as CloudFormation writes it
		cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
				t.Error(err)
			}
		}))
		event, _ := json.Marshal(map[string]any{
			"RequestType": c.kind, "ResponseURL": cloudFormation.URL, "PhysicalResourceId": "pools",
			"ResourceProperties": map[string]string{deployment.PoolQueuesProperty: c.after}, "OldResourceProperties": map[string]string{deployment.PoolQueuesProperty: c.before},
		})
		_, err := HoldPools(func(_ context.Context, url string) (dispatch.Depth, error) {
			depth, found := map[string]dispatch.Depth{"full": {Visible: 2, Hidden: 1}, "hidden": {Hidden: 1}, "none": {}}[url]
			if !found {
				return depth, errors.New("no queue")
			}
			return depth, nil
		}).Invoke(t.Context(), event)
		cloudFormation.Close()
		if got := said.Status + " " + said.Reason; err != nil || !strings.HasPrefix(got, c.want) || said.PhysicalResourceId != "pools" {
			t.Errorf("%s from %q to %q: %q as %q, %v; want %q", c.kind, c.before, c.after, got, said.PhysicalResourceId, err, c.want)
		}
	}
}
