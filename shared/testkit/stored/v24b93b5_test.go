package stored

import (
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
)

// v24b93b5 is what the version of that commit stores.
func v24b93b5() meaning {
	const (
		t0     = job.Time(1_793_612_412_345)
		minute = job.Time(60_000)
		aHash  = "6f1ed002ab5595859014ebf0951522d9a1f0d2b1c7f1f8c3b1f6a5d0c9e8b7a6"
		digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	)
	at := func(t job.Time) time.Time { return t.Std() }
	tokens := map[auth.Kind]string{}
	for i, kind := range []auth.Kind{auth.Runner, auth.Producer, auth.Claim} {
		tokens[kind] = fixedToken(kind, byte(i+1))
	}
	code := job.Artifact{Size: 1234, SHA256: aHash}
	const record = "[[40,[0,12,3400,0],[0,-1,-1,0]],[0,[7,7,9,1]]]"
	// The jobs share what they were created with.
	one := func(id string, change func(*job.Job)) job.Job {
		j := job.Job{
			ID: id, Problem: 17, Language: job.CPP, Group: "contest-3", Code: code,
			State: job.Queued, CreatedAt: t0, QueuedAt: t0 + 5, Bell: 1, RungAt: t0 + 5, Revision: 2, WriteID: "00000000000000a1",
		}
		change(&j)
		return j
	}
	final := func(j *job.Job, s job.State) {
		j.State, j.Attempt, j.EndedAt, j.Revision = s, 1, t0+9*minute, 4
	}
	past := func(attempt int, how job.How) job.Past {
		return job.Past{
			Attempt: attempt, Runner: "judge-07", TokenHash: aHash, ProblemVersion: 1,
			ClaimedAt: t0 + minute, HeartbeatAt: t0 + 2*minute, EndedAt: t0 + 3*minute, How: how,
		}
	}
	completed := past(1, job.HowCompleted)
	completed.Verdict = &job.Verdict{Status: int(judge.OLE), Score: 40}
	// The outputs of three cases, as they are kept with the verdict.
	packed := []byte("p\x04out\n\x00\x00\x00\x00\x01e")
	result := job.Result{
		Attempt: 1, Status: int(judge.OLE), Score: 40, RunTime: 12, MemoryUsage: 3400, Tasks: []byte(record), Digest: digest,
	}
	outputsKey := "results/finished_outputs/0/1/" + digest + ".zip"
	draft := problem.Content{
		Tasks:    []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}},
		Testdata: job.Artifact{Size: 77, SHA256: digest},
	}
	published := problem.Content{
		Tasks:    []judge.Task{{Score: 40, Cases: 2, MemoryLimit: 65536, TimeLimit: 1000}, {Score: 60, Cases: 1, MemoryLimit: 1024, TimeLimit: 500}},
		Testdata: job.Artifact{Size: 4096, SHA256: aHash},
	}
	return meaning{
		jobs: []job.Job{
			one("created", func(j *job.Job) { j.State, j.QueuedAt, j.Bell, j.RungAt, j.Revision = job.Created, 0, 0, 0, 1 }),
			one("handwritten", func(j *job.Job) {
				j.State, j.QueuedAt, j.Bell, j.RungAt, j.Revision = job.Created, 0, 0, 0, 1
				j.Language, j.Group, j.Problem, j.Code = job.Handwritten, "", 0, job.Artifact{Size: 1, SHA256: aHash}
			}),
			one("queued", func(j *job.Job) { j.Language = job.C }),
			one("queued_again", func(j *job.Job) { // after every way to lose an attempt, and a rejudge
				j.Attempt, j.FirstFence, j.Failures, j.Generation, j.Bell, j.Revision = 3, 1, 1, 1, 4, 9
				rejudged, released, lost := past(1, job.HowRejudged), past(2, job.HowReleased), past(3, job.HowLost)
				released.Generation, released.Reason = 1, job.ReasonInfraError
				lost.Generation, lost.Late = 1, &job.Late{At: t0 + 4*minute, Verdict: job.Verdict{Status: int(judge.WA), Score: 1}}
				j.Past = []job.Past{rejudged, released, lost}
			}),
			one("claimed", func(j *job.Job) {
				j.State, j.Attempt, j.CancelRequested, j.Revision = job.Claimed, 1, true, 5
				j.Claim = job.Claim{
					Runner: "judge-07", TokenHash: auth.Hash(tokens[auth.Claim]), ProblemVersion: 2,
					LeaseSeconds: 600, LeaseExpiresAt: t0 + 20*minute, ClaimedAt: t0 + 10*minute, Handle: "AQEB+receipt/handle==",
				}
			}),
			one("finished", func(j *job.Job) {
				final(j, job.Finished)
				j.Past, j.Result = []job.Past{completed}, &result
				withOutputs := result
				withOutputs.Packed = packed
				j.Result = &withOutputs
			}),
			one("finished_outputs", func(j *job.Job) {
				final(j, job.Finished)
				withOutputs := result
				withOutputs.Outputs = outputsKey
				j.Past, j.Result, j.Disputed = []job.Past{completed}, &withOutputs, true
			}),
			one("finished_missing", func(j *job.Job) {
				final(j, job.Finished)
				without := result
				without.Outputs = job.OutputsMissing
				j.Past, j.Result = []job.Past{completed}, &without
			}),
			one("finished_by_system", func(j *job.Job) {
				final(j, job.Finished)
				j.Attempt, j.Failures = 3, job.MaxFailures
				j.Past = []job.Past{past(1, job.HowLost), past(2, job.HowLost), past(3, job.HowLost)}
				j.Result = &job.Result{Status: job.StatusJE, RunTime: -1, MemoryUsage: -1}
			}),
			one("cancelled", func(j *job.Job) {
				final(j, job.Cancelled)
				j.Past = []job.Past{past(1, job.HowCancelled)}
			}),
		},
		mark: dispatch.Mark{Revision: 7, Shard: 3, Cursor: "1793612412350#queued", SilentSince: t0},
		problems: []problem.Problem{
			{ID: 16, Draft: &draft, Revision: 1, WriteID: "00000000000000b1"},
			{ID: 17, Version: 2, Current: published, Draft: &draft, Revision: 4, WriteID: "00000000000000b2"},
		},
		versions: map[int]problem.Content{1: draft, 2: published}, // of problem 17
		credentials: []auth.Credential{
			{Kind: auth.Runner, Hash: auth.Hash(tokens[auth.Runner]), Name: "judge-07", Runner: "judge-07", CreatedAt: at(1_793_612_412_000)},
			{Kind: auth.Runner, Hash: aHash, Name: "lab", Fleet: true, CreatedAt: at(1_793_612_412_000), ExpiresAt: at(1_893_612_412_000)},
			{
				Kind: auth.Producer, Hash: auth.Hash(tokens[auth.Producer]), Name: "site", Scopes: []string{"jobs:write", "problems:write"},
				CreatedAt: at(1_793_612_412_000), RevokedAt: at(t0 + minute),
			},
		},
		tokens: tokens,
		messages: []job.Message{
			{Job: "queued", Bell: 1, Group: "contest-3"},
			{Job: "queued_again", Bell: 4},
		},
		tasks: []judge.TaskVerdict{
			{Score: 40, ExecTime: 12, MemoryUsage: 3400, Cases: []judge.Case{{ExecTime: 12, MemoryUsage: 3400}, {ExecTime: -1, MemoryUsage: -1}}},
			{Status: judge.OLE, ExecTime: 7, MemoryUsage: 9, Cases: []judge.Case{{Status: judge.OLE, ExitCode: 1, ExecTime: 7, MemoryUsage: 9}}},
		},
		keys: map[string]string{
			"code of claimed":             "code/claimed/" + aHash + ".zip",
			"testdata of claimed":         "testdata/17/" + aHash + ".zip",
			"outputs of finished_outputs": outputsKey,
			"texts of finished":           "out\n|||||e|",
		},
		owed: spool.Result{
			JobID: "claimed", Attempt: 1, Token: tokens[auth.Claim], Since: at(t0 + 11*minute),
			Tasks: [][]execute.Case{{{ExitCode: 1, Status: execute.RE, Stdout: "out\n", Stderr: "why", ExecTime: 12, MemoryUsage: 3400}}},
		},
	}
}
