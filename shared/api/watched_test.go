package api_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// calls notes what is asked of the ports and of the credentials.
type calls struct {
	mu      sync.Mutex
	ports   []string
	lookups int
}

func (c *calls) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ports = append(c.ports, name)
}

// take returns the calls since the last time, and forgets them.
func (c *calls) take() (ports []string, lookups int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ports, lookups = c.ports, c.lookups
	c.ports, c.lookups = nil, 0
	return ports, lookups
}

// harmless calls change nothing and give nothing away.
var harmless = []string{"Get", "GetMany", "Problem", "ProblemVersion", "Stat", "Ended", "Pauses"}

// harm is what is left of calls without the harmless ones.
func harm(ports []string) []string {
	return slices.DeleteFunc(slices.Clone(ports), func(name string) bool { return slices.Contains(harmless, name) })
}

// watchedCredentials counts look-ups.
type watchedCredentials struct {
	auth.Directory
	calls *calls
}

func (s watchedCredentials) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	s.calls.mu.Lock()
	s.calls.lookups++
	s.calls.mu.Unlock()
	return s.Directory.Lookup(ctx, hash)
}

// watchedRoster notes that records are listed. That a runner was heard is written for
// every admitted one.
type watchedRoster struct {
	dispatch.Roster
	calls *calls
}

func (r watchedRoster) Runners(ctx context.Context, after string, limit int) ([]roster.Runner, error) {
	r.calls.note("Runners")
	return r.Roster.Runners(ctx, after, limit)
}

func (r watchedRoster) ActOnRunner(ctx context.Context, before, after roster.Runner, e roster.Entry) (roster.Runner, bool, error) {
	r.calls.note("ActOnRunner")
	return r.Roster.ActOnRunner(ctx, before, after, e)
}

func (r watchedRoster) Pauses(ctx context.Context) ([]roster.Pause, error) {
	r.calls.note("Pauses")
	return r.Roster.Pauses(ctx)
}

func (r watchedRoster) Audit(ctx context.Context, before string, limit int) ([]roster.Entry, error) {
	r.calls.note("Audit")
	return r.Roster.Audit(ctx, before, limit)
}

func (r watchedRoster) Rejudge(ctx context.Context, id string) (rejudge.Many, bool, error) {
	r.calls.note("Rejudge")
	return r.Roster.Rejudge(ctx, id)
}

func (r watchedRoster) SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (rejudge.Many, bool, error) {
	r.calls.note("SaveRejudge")
	return r.Roster.SaveRejudge(ctx, before, after, e)
}

func (r watchedRoster) Rejudges(ctx context.Context, before string, limit int) ([]rejudge.Many, error) {
	r.calls.note("Rejudges")
	return r.Roster.Rejudges(ctx, before, limit)
}

// watchedStore notes every call.
type watchedStore struct {
	dispatch.Store
	calls *calls
}

func (s watchedStore) Get(ctx context.Context, id string) (job.Job, bool, error) {
	s.calls.note("Get")
	return s.Store.Get(ctx, id)
}

func (s watchedStore) GetMany(ctx context.Context, ids []string) (map[string]job.Job, error) {
	s.calls.note("GetMany")
	return s.Store.GetMany(ctx, ids)
}

func (s watchedStore) Create(ctx context.Context, j job.Job) (job.Job, bool, error) {
	s.calls.note("Create")
	return s.Store.Create(ctx, j)
}

func (s watchedStore) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	s.calls.note("Save")
	return s.Store.Save(ctx, before, after)
}

func (s watchedStore) Open(ctx context.Context, shard int, cursor string, limit int) ([]dispatch.OpenJob, string, error) {
	s.calls.note("Open")
	return s.Store.Open(ctx, shard, cursor, limit)
}

func (s watchedStore) Ended(ctx context.Context, after job.Time, limit int) ([]dispatch.EndedJob, bool, error) {
	s.calls.note("Ended")
	return s.Store.Ended(ctx, after, limit)
}

func (s watchedStore) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	s.calls.note("Problem")
	return s.Store.Problem(ctx, id)
}

func (s watchedStore) SaveProblem(ctx context.Context, before, after problem.Problem) (problem.Problem, bool, error) {
	s.calls.note("SaveProblem")
	return s.Store.SaveProblem(ctx, before, after)
}

func (s watchedStore) ProblemVersion(ctx context.Context, id, number int) (problem.Content, bool, error) {
	s.calls.note("ProblemVersion")
	return s.Store.ProblemVersion(ctx, id, number)
}

func (s watchedStore) Problems(ctx context.Context, after, limit int) ([]dispatch.ListedProblem, error) {
	s.calls.note("Problems")
	return s.Store.Problems(ctx, after, limit)
}

func (s watchedStore) ProblemVersions(ctx context.Context, id, after, limit int) ([]dispatch.PublishedVersion, error) {
	s.calls.note("ProblemVersions")
	return s.Store.ProblemVersions(ctx, id, after, limit)
}

func (s watchedStore) Mark(ctx context.Context) (dispatch.Mark, error) {
	s.calls.note("Mark")
	return s.Store.Mark(ctx)
}

func (s watchedStore) SaveMark(ctx context.Context, before, after dispatch.Mark) (bool, error) {
	s.calls.note("SaveMark")
	return s.Store.SaveMark(ctx, before, after)
}

// watchedQueue notes every call.
type watchedQueue struct {
	dispatch.Queue
	calls *calls
}

func (q watchedQueue) Ring(ctx context.Context, m job.Message) error {
	q.calls.note("Ring")
	return q.Queue.Ring(ctx, m)
}

func (q watchedQueue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.calls.note("Receive")
	return q.Queue.Receive(ctx, limit, hide)
}

func (q watchedQueue) Hide(ctx context.Context, hidings []dispatch.Hiding) error {
	q.calls.note("Hide")
	return q.Queue.Hide(ctx, hidings)
}

func (q watchedQueue) Delete(ctx context.Context, handles []string) error {
	q.calls.note("Delete")
	return q.Queue.Delete(ctx, handles)
}

func (q watchedQueue) Depth(ctx context.Context) (dispatch.Depth, error) {
	q.calls.note("Depth")
	return q.Queue.Depth(ctx)
}

// watchedArtifacts notes every call.
type watchedArtifacts struct {
	dispatch.Artifacts
	calls *calls
}

func (a watchedArtifacts) GetURL(ctx context.Context, key, filename string) (string, error) {
	a.calls.note("GetURL")
	return a.Artifacts.GetURL(ctx, key, filename)
}

func (a watchedArtifacts) PutURL(ctx context.Context, key string, want job.Artifact) (dispatch.Upload, error) {
	a.calls.note("PutURL")
	return a.Artifacts.PutURL(ctx, key, want)
}

func (a watchedArtifacts) Stat(ctx context.Context, key string) (job.Artifact, bool, error) {
	a.calls.note("Stat")
	return a.Artifacts.Stat(ctx, key)
}

func (a watchedArtifacts) Put(ctx context.Context, key string, body []byte, want job.Artifact) error {
	a.calls.note("Put")
	return a.Artifacts.Put(ctx, key, body, want)
}

func (s watchedStore) Disputed(ctx context.Context, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	s.calls.note("Disputed")
	return s.Store.Disputed(ctx, cursor, limit)
}
