package given

import (
	"context"
	"net/http"

	"runlease/infra/dev/invoke/saved"
)

// Look says what is not as it should be after an event, a line for each.
func (w *World) Look(ctx context.Context, then saved.Then) ([]string, error) {
	var differences []string
	if then.Job != nil {
		data, err := w.do(ctx, ask{method: http.MethodGet, path: "/jobs/" + JobID})
		if err != nil {
			return nil, err
		}
		differences = then.CompareJob(data)
	}
	if then.Listed != nil {
		data, err := w.do(ctx, ask{http.MethodGet, "/runner/jobs?limit=10", "judge-9", ""})
		if err != nil {
			return nil, err
		}
		ids := []any{}
		jobs, _ := data["jobs"].([]any)
		for _, j := range jobs {
			listed, _ := j.(map[string]any)
			ids = append(ids, listed["submissionId"])
		}
		differences = append(differences, then.CompareListed(ids)...)
	}
	return differences, nil
}
