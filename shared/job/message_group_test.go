package job_test

import (
	"testing"

	"runlease/shared/job"
)

// TestMessageGroup: new jobs ring in their own groups, rejudged ones all in one
// that no job can be in.
func TestMessageGroup(t *testing.T) {
	for _, tc := range []struct {
		name string
		job  job.Job
		want string
	}{
		{"new", job.Job{Group: "user-9"}, "user-9"},
		{"new, without a group", job.Job{}, ""},
		{"rejudged", job.Job{Group: "user-9", Generation: 1}, job.RejudgeGroup},
		{"rejudged, without a group", job.Job{Generation: 2}, job.RejudgeGroup},
	} {
		tc.job.ID, tc.job.Bell = "s-1", 3
		if got, want := tc.job.Message(), (job.Message{Job: "s-1", Bell: 3, Group: tc.want}); got != want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, want)
		}
	}
}
