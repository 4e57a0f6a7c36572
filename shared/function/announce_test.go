package function

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/announce"
	"runlease/shared/api"
	"runlease/shared/dynamo"
	"runlease/shared/memory"
)

// change is a record of the stream, with what it says of a job before and after.
func change(id string, generation int, before, after string) string {
	image := func(state string) string {
		return fmt.Sprintf(`{"id":{"S":%q},"p":{"N":"7"},"ge":{"N":"%d"},"st":{"S":%q},"et":{"N":"1763937600000"},"ch":{"B":"AAECAw=="},"pa":{"L":[{"M":{"a":{"N":"1"}}}]},"new":{"SS":["x"]},"di":{"BOOL":true}}`, id, generation, state)
	}
	return fmt.Sprintf(`{"eventName":"MODIFY","dynamodb":{"OldImage":%s,"NewImage":%s}}`, image(before), image(after))
}

// TestAnnounce: records come doubled, late and damaged, and with steps that a filter
// should have held back; none fails.
func TestAnnounce(t *testing.T) {
	quiet := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(quiet) })
	var mu sync.Mutex
	var got []string
	status := http.StatusNoContent
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(string(body), `"problemId":7`) {
			t.Errorf("got %s", body)
		}
		got = append(got, r.Header.Get("webhook-id"))
		w.WriteHeader(status)
	}))
	defer receiver.Close()
	hooks := memory.NewWebhooks(time.Now, nil)
	if put, err := hooks.PutEndpoint(t.Context(), announce.NewEndpoint(receiver.URL, time.Now())); err != nil || !put {
		t.Fatal(put, err)
	}
	a := announce.New(announce.Policy{Loopback: true})
	a.Endpoints, a.Outbox, a.Jobs, a.Show = hooks, hooks, memory.NewStore(), api.Show
	h := Announce(a, dynamo.ReadImage)
	invoke := func(event string) {
		t.Helper()
		if reply, err := h.Invoke(t.Context(), []byte(event)); err != nil || string(reply) != "null" {
			t.Errorf("%s: %s, %v", event, reply, err)
		}
	}
	invoke(`{"Records":[` + strings.Join([]string{
		change("a", 0, "claimed", "finished"),
		change("a", 0, "claimed", "finished"),
		change("b", 1, "queued", "cancelled"),
		change("a", 0, "finished", "finished"), // evidence
		change("c", 0, "queued", "claimed"),
		`{"eventName":"MODIFY","dynamodb":{"OldImage":{"id":{"N":[]}},"NewImage":7}}`,
		`{"eventName":"INSERT","dynamodb":{"NewImage":{"id":{"S":"d"},"st":{"S":"finished"}}}}`,
		`{}`,
		change("d", 0, "claimed", "finished"),
	}, ",") + `]}`)
	slices.Sort(got)
	if want := []string{"a-0", "a-0", "b-1", "d-0"}; !slices.Equal(got, want) {
		t.Errorf("announced %v, want %v", got, want)
	}
	invoke(`[]`)
	invoke(`{"detail-type":"Scheduled Event"}`)

	// What is not taken is kept, and the schedule has it tried again: its job is
	// looked at, and there is none.
	status = http.StatusInternalServerError
	invoke(`{"Records":[` + change("e", 0, "claimed", "finished") + `]}`)
	held, err := hooks.Due(t.Context())
	if err != nil || len(held) != 1 || held[0].Job != "e" {
		t.Errorf("kept %v, %v", held, err)
	}

	again := announce.New(announce.Policy{})
	again.Endpoints = unlisted{hooks}
	if _, err := Announce(again, dynamo.ReadImage).Invoke(t.Context(), []byte(`{"Records":[`+change("f", 0, "claimed", "finished")+`]}`)); !errors.Is(err, errSilent) {
		t.Errorf("neither announced nor kept, and the error is %v", err)
	}
}

// unlisted are webhooks that cannot be read.
type unlisted struct{ *memory.Webhooks }

func (unlisted) Endpoints(context.Context) ([]announce.Endpoint, error) { return nil, errSilent }
