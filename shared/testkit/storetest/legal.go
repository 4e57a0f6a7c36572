package storetest

import (
	"encoding/hex"
	"fmt"

	"pgregory.net/rapid"

	"runlease/shared/job"
)

// Jobs makes legal jobs: every field in its range, and those set that go with
// the state. They need not be reachable by operations.
func Jobs() *rapid.Generator[job.Job] {
	return rapid.Custom(func(t *rapid.T) job.Job {
		j := job.Job{
			ID:              ids.Draw(t, "id"),
			Problem:         rapid.IntRange(1, 1<<31-1).Draw(t, "problem"),
			Language:        job.Language(rapid.IntRange(0, 3).Draw(t, "language")),
			Group:           rapid.OneOf(rapid.Just(""), ids).Draw(t, "group"),
			Code:            job.Artifact{Size: rapid.Int64Range(0, 10<<20).Draw(t, "code size"), SHA256: hashes.Draw(t, "code hash")},
			CodeInline:      rapid.Bool().Draw(t, "code inline"),
			State:           rapid.SampledFrom([]job.State{job.Created, job.Queued, job.Claimed, job.Finished, job.Cancelled}).Draw(t, "state"),
			Attempt:         counts.Draw(t, "attempt"),
			FirstFence:      counts.Draw(t, "first fence"),
			Failures:        rapid.IntRange(0, job.MaxFailures).Draw(t, "failures"),
			Generation:      counts.Draw(t, "generation"),
			Bell:            rapid.Int64Range(0, 1<<62).Draw(t, "bell"),
			RungAt:          times.Draw(t, "rung"),
			CreatedAt:       times.Draw(t, "created"),
			QueuedAt:        times.Draw(t, "queued"),
			CancelRequested: rapid.Bool().Draw(t, "cancel asked"),
			Disputed:        rapid.Bool().Draw(t, "disputed"),
			Lacks:           rapid.SampledFrom([]job.Why{"", job.LacksLanguage, job.LacksCheckers}).Draw(t, "lacks"),
			Past:            rapid.SliceOfN(records, 0, 4).Draw(t, "past"),
			Revision:        1,
			WriteID:         writeIDs.Draw(t, "write id"),
		}
		switch j.State {
		case job.Created:
			j.QueuedAt = 0
		case job.Queued:
		case job.Claimed:
			j.Claim = job.Claim{
				Runner:         names.Draw(t, "runner"),
				TokenHash:      hashes.Draw(t, "token hash"),
				ProblemVersion: counts.Draw(t, "problem version"),
				LeaseSeconds:   rapid.IntRange(1, 900).Draw(t, "lease seconds"),
				LeaseExpiresAt: times.Draw(t, "lease until"),
				ClaimedAt:      times.Draw(t, "claimed"),
				Handle:         handles.Draw(t, "handle"),
			}
		case job.Finished:
			j.EndedAt = times.Draw(t, "ended")
			j.Result = rapid.Ptr(results, false).Draw(t, "result")
		case job.Cancelled:
			j.EndedAt = times.Draw(t, "ended")
		}
		return j
	})
}

var (
	ids      = rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	names    = rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`)
	handles  = rapid.StringMatching(`[A-Za-z0-9+/=_-]{0,800}`)
	hashes   = hexOf(32)
	writeIDs = hexOf(8)
	counts   = rapid.IntRange(0, 1<<31-1)
	// times end in 2286, with the 13 digits of their milliseconds.
	times = rapid.Map(rapid.Int64Range(1, 9_999_999_999_999), func(ms int64) job.Time { return job.Time(ms) })

	verdicts = rapid.Custom(func(t *rapid.T) job.Verdict {
		return job.Verdict{Status: rapid.IntRange(0, 7).Draw(t, "status"), Score: rapid.IntRange(0, 100).Draw(t, "score")}
	})

	results = rapid.Custom(func(t *rapid.T) job.Result {
		return job.Result{
			Attempt:     counts.Draw(t, "attempt"),
			Status:      rapid.IntRange(0, 7).Draw(t, "status"),
			Score:       rapid.IntRange(0, 100).Draw(t, "score"),
			RunTime:     rapid.Int64Range(-1, 1<<31-1).Draw(t, "run time"),
			MemoryUsage: rapid.Int64Range(-1, 1<<40).Draw(t, "memory"),
			Tasks:       rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "tasks"),
			Digest:      rapid.OneOf(rapid.Just(""), hashes).Draw(t, "digest"),
			Outputs:     rapid.SampledFrom([]string{"", job.OutputsMissing, "results/a/1/2/b.zip"}).Draw(t, "outputs"),
			Message:     rapid.SampledFrom([]string{"", "main.cpp:3: error"}).Draw(t, "message"),
			Packed:      rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "packed outputs"),
		}
	})

	records = rapid.Custom(func(t *rapid.T) job.Past {
		return job.Past{
			Attempt:        counts.Draw(t, "attempt"),
			Generation:     counts.Draw(t, "generation"),
			Runner:         names.Draw(t, "runner"),
			TokenHash:      hashes.Draw(t, "token hash"),
			ProblemVersion: counts.Draw(t, "problem version"),
			ClaimedAt:      times.Draw(t, "claimed"),
			HeartbeatAt:    times.Draw(t, "heartbeat"),
			EndedAt:        times.Draw(t, "ended"),
			How:            rapid.SampledFrom([]job.How{job.HowCompleted, job.HowReleased, job.HowLost, job.HowRejudged, job.HowCancelled}).Draw(t, "how"),
			Reason:         rapid.SampledFrom(append(job.Reasons(), "")).Draw(t, "reason"),
			Verdict:        rapid.Ptr(verdicts, true).Draw(t, "verdict"),
			Late: rapid.Ptr(rapid.Custom(func(t *rapid.T) job.Late {
				return job.Late{At: times.Draw(t, "late at"), Verdict: verdicts.Draw(t, "late verdict")}
			}), true).Draw(t, "late"),
		}
	})
)

func hexOf(n int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), n, n), hex.EncodeToString)
}

// unique makes an id of a drawn one that no other job in the store has, not
// even the same draw when rapid repeats it. It is as long, up to 64 characters.
func unique(id string) string {
	prefix := fmt.Sprintf("%x-", written.Add(1))
	return prefix + id[:min(len(id), 64-len(prefix))]
}
