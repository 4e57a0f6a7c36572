package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Twins walks two stores through the same random histories of a few jobs:
// operations of every kind at random times by runners that hold a claim or
// only think so, stale writes, repeated writes, jobs created twice. After every
// step both must have given the same answer and hold the same item.
func Twins(t *testing.T, a, b dispatch.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		h := history{rt: rt, ctx: t, a: a, b: b, now: t0, shown: make(map[string]job.Job)}
		for i := range rapid.IntRange(1, 3).Draw(rt, "jobs") {
			h.ids = append(h.ids, unique(fmt.Sprintf("job-%d", i)))
		}
		for range rapid.IntRange(5, 30).Draw(rt, "steps") {
			h.step()
		}
		h.compareAll()
	})
}

type history struct {
	rt    *rapid.T
	ctx   *testing.T
	a, b  dispatch.Store
	now   job.Time
	ids   []string
	shown map[string]job.Job // an older state of each job
	last  [2]job.Job         // the last write: before and after
}

func (h *history) step() {
	rt := h.rt
	h.now = h.now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 20, 70, 4000}).Draw(rt, "seconds")) * time.Second)
	id := rapid.SampledFrom(h.ids).Draw(rt, "job")
	before, exists := h.get(id)
	if !exists {
		h.create(id)
		return
	}
	switch rapid.SampledFrom([]string{"op", "op", "op", "op", "op", "op", "op", "stale", "again", "create"}).Draw(rt, "kind") {
	case "stale":
		if old, known := h.shown[id]; known {
			before = old
		}
	case "again":
		if h.last[1].ID != "" {
			h.save(h.last[0], h.last[1])
		}
		return
	case "create":
		h.create(id)
		return
	}
	after, out := h.op(before)
	if !out.Write {
		return
	}
	h.shown[id] = before
	h.save(before, next(before, after))
}

func (h *history) create(id string) {
	j := created(id)
	j.CreatedAt = h.now
	currentA, createdA, errA := h.a.Create(h.ctx.Context(), j)
	currentB, createdB, errB := h.b.Create(h.ctx.Context(), j)
	if errA != nil || errB != nil || createdA != createdB {
		h.rt.Fatalf("create: %v and %v, errors %v and %v", createdA, createdB, errA, errB)
	}
	same(h.rt, currentB, currentA)
	h.get(id)
}

func (h *history) save(before, after job.Job) {
	h.last = [2]job.Job{before, after}
	currentA, savedA, errA := h.a.Save(h.ctx.Context(), before, after)
	currentB, savedB, errB := h.b.Save(h.ctx.Context(), before, after)
	if errA != nil || errB != nil || savedA != savedB {
		h.rt.Fatalf("save: %v and %v, errors %v and %v", savedA, savedB, errA, errB)
	}
	same(h.rt, currentB, currentA)
	h.get(after.ID)
}

// get reads a job from both stores and compares.
func (h *history) get(id string) (job.Job, bool) {
	a, foundA, errA := h.a.Get(h.ctx.Context(), id)
	b, foundB, errB := h.b.Get(h.ctx.Context(), id)
	if errA != nil || errB != nil || foundA != foundB {
		h.rt.Fatalf("get: found %v and %v, errors %v and %v", foundA, foundB, errA, errB)
	}
	same(h.rt, b, a)
	return a, foundA
}

func (h *history) compareAll() {
	a, errA := h.a.GetMany(h.ctx.Context(), h.ids)
	b, errB := h.b.GetMany(h.ctx.Context(), h.ids)
	if errA != nil || errB != nil {
		h.rt.Fatalf("get many: errors %v and %v", errA, errB)
	}
	same(h.rt, b, a)
	deadline := time.Now().Add(patience)
	for {
		open := make(map[string]job.Time)
		for _, j := range a {
			if j.Open() {
				open[j.ID] = j.QueuedAt
			}
		}
		listedA, listedB := h.listed(h.a), h.listed(h.b)
		okA, okB := fmt.Sprint(listedA) == fmt.Sprint(open), fmt.Sprint(listedB) == fmt.Sprint(open)
		if okA && okB {
			return
		}
		if time.Now().After(deadline) {
			h.rt.Fatalf("open jobs: want %v, got %v and %v", open, listedA, listedB)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// listed is what the index says about the jobs of this history.
func (h *history) listed(s dispatch.Store) map[string]job.Time {
	open := make(map[string]job.Time)
	for _, shard := range listed(h.ctx, s, 100) {
		for _, entry := range shard {
			for _, id := range h.ids {
				if entry.ID == id {
					open[id] = entry.QueuedAt
				}
			}
		}
	}
	return open
}

// op applies an operation, more often than not an operation that the job is ready for.
func (h *history) op(j job.Job) (job.Job, job.Decision) {
	rt := h.rt
	runner := rapid.SampledFrom([]string{"runner-1", "runner-2"}).Draw(rt, "runner")
	attempt := j.Attempt - rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(rt, "attempts back")
	if j.Claim.Runner != "" && attempt == j.Attempt && rapid.IntRange(0, 9).Draw(rt, "holder") > 0 {
		runner = j.Claim.Runner
	}
	token := tokenOf(attempt)
	name := rapid.SampledFrom([]string{
		"submit", "claim", "claim", "claim", "heartbeat", "heartbeat", "complete", "complete",
		"release", "cancel", "rejudge", "end", "attach", "ring",
	}).Draw(rt, "op")
	switch name {
	case "submit":
		return job.SubmitOp{Now: h.now}.Apply(j)
	case "claim":
		if j.State == job.Created {
			return job.SubmitOp{Now: h.now}.Apply(j)
		}
		return job.ClaimOp{
			Now: h.now, Runner: runner, TokenHash: tokenOf(j.Attempt + 1), ProblemVersion: 2,
			LeaseSeconds: rapid.SampledFrom([]int{30, 60, 900}).Draw(rt, "lease"),
			Handle:       rapid.SampledFrom([]string{"", "handle-1"}).Draw(rt, "handle"),
		}.Apply(j)
	case "heartbeat":
		return job.HeartbeatOp{Now: h.now, Runner: runner}.Apply(j)
	case "complete":
		score := rapid.SampledFrom([]int{0, 40, 100}).Draw(rt, "score")
		return job.CompleteOp{Now: h.now, Runner: runner, TokenHash: token, Result: job.Result{
			Status: 1, Score: score, RunTime: 12, MemoryUsage: -1, Tasks: fmt.Appendf(nil, "[[%d]]", score),
			Digest: tokenOf(score), Outputs: job.OutputsMissing,
		}}.Apply(j)
	case "release":
		return job.ReleaseOp{Now: h.now, Runner: runner, TokenHash: token, Reason: rapid.SampledFrom(job.Reasons()).Draw(rt, "reason"), Detail: rapid.SampledFrom([]string{"", "disk full"}).Draw(rt, "detail")}.Apply(j)
	case "cancel":
		return job.CancelOp{Now: h.now}.Apply(j)
	case "rejudge":
		return job.RejudgeOp{Now: h.now, Generation: j.Generation}.Apply(j)
	case "end":
		return job.EndOp{Now: h.now}.Apply(j)
	case "attach":
		return job.AttachOp{Now: h.now, Bell: j.Bell, Handle: "handle-2"}.Apply(j)
	default:
		return job.RingOp{Now: h.now, Silent: true}.Apply(j)
	}
}

// tokenOf is the token hash of an attempt: 32 bytes in hex.
func tokenOf(attempt int) string { return fmt.Sprintf("%064x", 0xabc0000+attempt) }
