package apigw

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestTextsKeepNoPayload: who keeps a header keeps nothing of the event that it
// came with, which may have megabytes.
func TestTextsKeepNoPayload(t *testing.T) {
	const events, size = 20, 1 << 20
	body := strings.Repeat("x", size)
	var kept []string
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range events {
		e, err := parse(fmt.Appendf(nil, `{"routeKey":"GET /x","headers":{"x-runner-name":"judge-%d"},"pathParameters":{"id":"job-%d"},"body":%q}`, i, i, body))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, e.header.Get("X-Runner-Name"), e.pathParameters["id"])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > size {
		t.Errorf("%d names keep %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}
