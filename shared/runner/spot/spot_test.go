package spot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// instance plays the metadata service: IMDSv2, which wants a token for everything. It
// calls again when it is asked for a notice a second time.
func instance(t *testing.T, metadata map[string]string, again func()) *Watch {
	t.Helper()
	var tokens, looks atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "" {
			tokens.Add(1)
			w.Header().Set("X-aws-ec2-metadata-token-ttl-seconds", "21600")
			_, _ = io.WriteString(w, "a token")
			return
		}
		if strings.HasSuffix(r.URL.Path, "/spot/instance-action") && looks.Add(1) == 2 {
			again()
		}
		text, found := metadata[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
		switch {
		case r.Header.Get("X-aws-ec2-metadata-token") != "a token":
			w.WriteHeader(http.StatusUnauthorized)
		case !found:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, text)
		}
	}))
	t.Cleanup(func() {
		service.Close()
		if tokens.Load() != 1 {
			t.Errorf("%d tokens, want one", tokens.Load())
		}
	})
	return often(New(service.URL, slog.New(slog.DiscardHandler)))
}

func often(w *Watch) *Watch {
	w.every = time.Millisecond
	return w
}

func TestNotices(t *testing.T) {
	const spot, group = "spot/instance-action", "autoscaling/target-lifecycle-state"
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		metadata map[string]string
		want     string // "" if there is none
		by       time.Time
	}{
		"an instance on demand":       {nil, "", time.Time{}},
		"spot, and stays":             {map[string]string{group: "InService"}, "", time.Time{}},
		"spot, and goes":              {map[string]string{spot: `{"action":"terminate","time":"2026-11-28T12:00:00Z"}`, group: "InService"}, "spot terminate", at},
		"hibernates":                  {map[string]string{spot: `{"action":"hibernate","time":"2026-11-28T12:00:00Z"}`}, "spot hibernate", at},
		"a notice nobody understands": {map[string]string{spot: "soon"}, "spot ", time.Now().Add(2*time.Minute - Every)},
		"its group scales in":         {map[string]string{group: "Terminated\n"}, "terminated by its auto scaling group", time.Time{}},
		"warmed":                      {map[string]string{group: "Warmed:Stopped"}, "", time.Time{}},
		"rebalance is recommended":    {map[string]string{"events/recommendations/rebalance": `{"noticeTime":"2026-11-28T12:00:00Z"}`}, "", time.Time{}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n, err := instance(t, tc.metadata, cancel).Await(ctx)
		if n.What != tc.want || n.By.Sub(tc.by).Abs() > time.Minute || (err != nil) != (tc.want == "") {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

// TestNobodyAnswers: a machine without the service goes on, and its log says why once.
func TestNobodyAnswers(t *testing.T) {
	var log strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 5 {
			cancel()
		}
		panic(http.ErrAbortHandler)
	}))
	defer service.Close()
	w := often(New(service.URL, slog.New(slog.NewTextHandler(&log, nil))))
	if n, err := w.Await(ctx); !errors.Is(err, context.Canceled) || n != (Notice{}) {
		t.Errorf("%+v, %v", n, err)
	}
	if strings.Count(log.String(), "metadata service") == 0 || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("log:\n%s", &log)
	}
}
