package job_test

import (
	"testing"
	"time"

	"runlease/shared/job"
)

func TestDispose(t *testing.T) {
	queued := after(t, created(), submit(t0)) // bell 1
	claimed := after(t, queued, claim(t0, "a", "ta"))
	known := after(t, claimed, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply)
	finished := after(t, claimed, complete(t0, "a", "ta", "d"))
	asked := after(t, claimed, cancel(t0))
	over, overAt := lose(t, queued, 3, t0)

	for _, c := range []struct {
		name     string
		job      job.Job
		missing  bool
		bell     int64
		receives int
		now      job.Time
		want     job.Handling
	}{
		{"unknown job: its writer is under way", job.Job{}, true, 1, 3, in(time.Minute), job.Handling{Do: job.Hidden, Hide: 3 * time.Second}},
		{"unknown job for long: hidden a minute at most", job.Job{}, true, 1, 200, in(time.Minute), job.Handling{Do: job.Hidden, Hide: time.Minute}},
		{"unknown job, received for the first time by no count", job.Job{}, true, 1, 0, in(time.Minute), job.Handling{Do: job.Hidden, Hide: time.Second}},
		{"unknown job, no bell", job.Job{}, true, 0, 1, in(time.Hour), job.Handling{Do: job.Deleted}},
		{"created job, no bell", created(), false, 0, 1, in(time.Hour), job.Handling{Do: job.Hidden, Hide: time.Minute}},
		{"unknown job: its writer is gone", job.Job{}, true, 1, 3, in(15*time.Minute + time.Millisecond), job.Handling{Do: job.Deleted}},
		{"higher bell: its writer is under way", queued, false, 2, 1, in(time.Second), job.Handling{Do: job.Hidden, Hide: time.Second}},
		{"higher bell of a final job: a rejudge is under way", finished, false, 2, 1, in(time.Second), job.Handling{Do: job.Hidden, Hide: time.Second}},
		{"higher bell: its writer is gone", finished, false, 2, 1, in(16 * time.Minute), job.Handling{Do: job.Deleted}},
		{"lower bell", queued, false, 0, 1, t0, job.Handling{Do: job.Deleted}},
		{"final", finished, false, 1, 1, t0, job.Handling{Do: job.Deleted}},
		{"queued", queued, false, 1, 1, t0, job.Handling{Do: job.Offered}},
		{"lease running, handle unknown", claimed, false, 1, 1, in(20 * time.Second), job.Handling{Do: job.Attached, Hide: 40 * time.Second}},
		{"lease running, handle known", known, false, 1, 1, in(20 * time.Second), job.Handling{Do: job.Hidden, Hide: 40 * time.Second}},
		{"lease about to end", known, false, 1, 1, in(lease*time.Second - 1), job.Handling{Do: job.Hidden, Hide: time.Second}},
		{"lease expired", claimed, false, 1, 1, in(lease * time.Second), job.Handling{Do: job.Offered}},
		{"lease expired, cancel asked", asked, false, 1, 1, in(lease * time.Second), job.Handling{Do: job.Ended}},
		{"lease expired, no failure left", over, false, 1, 1, overAt, job.Handling{Do: job.Ended}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := job.Received{Message: job.Message{Job: "j", Bell: c.bell}, Handle: "h", Receives: c.receives, SentAt: t0}
			if got := m.Dispose(c.job, !c.missing, c.now); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
