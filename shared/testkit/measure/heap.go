package measure

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/testkit/figure"
	"runlease/shared/testkit/zips"
)

// heapGoal is what a waiting job may take of the embedded server's memory, in
// bytes, beside its code: a million of them fit into 2 GB.
const heapGoal = 2_000

// HeapPerWaitingJob is how many bytes of heap a queued job takes, of many
// in the embedded mode: the job, its place in the index, its message, its code
// of a few hundred bytes.
func HeapPerWaitingJob(t T, jobs int) float64 {
	store, queue := memory.NewStore(), memory.NewQueue(time.Now)
	artifacts := memory.NewArtifacts("http://127.0.0.1", []byte("secret"), time.Now)
	d := dispatch.New(store, queue, artifacts)
	d.Log = slog.New(slog.DiscardHandler)
	content := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}
	if _, saved, err := store.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: 17, Version: 1, Current: content, Revision: 1}); err != nil || !saved {
		t.Fatal("problem not published", err)
	}
	sample := zips.Code("")
	create := func(i int) {
		code := bytes.Clone(sample) // a copy each, as from a request
		_, answer, err := d.Create(t.Context(), dispatch.CreateRequest{Inline: code, CreateOp: job.CreateOp{
			ID: id(i), Problem: 17, Language: job.CPP, Group: fmt.Sprint("user-", i%1000),
			Code: job.Artifact{Size: int64(len(code)), SHA256: digest(string(code))},
		}})
		if err != nil || !answer.OK() {
			t.Fatal(answer, err)
		}
	}
	create(0)
	before := heap()
	for i := range jobs {
		create(i + 1)
	}
	after := heap()
	runtime.KeepAlive(d)
	return (float64(after) - float64(before)) / float64(jobs)
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// HeapFigures is the memory of a waiting job.
func HeapFigures(t T) []figure.Figure {
	const jobs = 100_000
	return []figure.Figure{figure.AtMost("memory_bytes_per_waiting_job", HeapPerWaitingJob(t, jobs), "bytes of heap, beside its code", heapGoal).Rounded(0)}
}
