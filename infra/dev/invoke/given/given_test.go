package given_test

import (
	"net/http"
	"strings"
	"testing"

	"runlease/infra/dev/invoke/given"
	"runlease/shared/dispatch"
)

func TestPrepareSaysWhatIsWrongWithAStep(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		w.Write([]byte(`{"data":null,"message":"no tea"}`))
	})
	for step, want := range map[string]string{
		"job on the moon":       "job queued", // one of those that there are
		"job queued, yesterday": "no duration",
		"job queued, -1h ago":   "no duration",
		"job queued":            "418 no tea",
		"job queued, 1h ago":    "418 no tea",
	} {
		w := given.World{Dispatch: dispatch.Bare(), API: refuse, Values: map[string]string{}}
		err := w.Prepare(t.Context(), []string{step})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), step) {
			t.Errorf("%s: error %v, want one with %q", step, err, want)
		}
	}
}
