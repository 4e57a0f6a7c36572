package sim

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// port names a call of a port, as a trace shows it.
type port string

// The port calls at which a request parks. Presigning makes no call and is none.
const (
	portGet            port = "store.Get"
	portGetMany        port = "store.GetMany"
	portCreate         port = "store.Create"
	portSave           port = "store.Save"
	portOpen           port = "store.Open"
	portProblem        port = "store.Problem"
	portProblemVersion port = "store.ProblemVersion"
	portMark           port = "store.Mark"
	portSaveMark       port = "store.SaveMark"
	portRing           port = "queue.Ring"
	portReceive        port = "queue.Receive"
	portHide           port = "queue.Hide"
	portDelete         port = "queue.Delete"
	portVisible        port = "queue.Visible"
	portStat           port = "objects.Stat"
	portRead           port = "objects.Read"
	portPut            port = "objects.Put"
	portBenches        port = "benches.Benches"
	portTake           port = "benches.Take"
	portSit            port = "benches.Sit"
	portPost           port = "posts.Post"
	portChoose         port = "choose"
	portPause          port = "pause"
	portPutCode        port = "store.PutCode"
	portReadCodes      port = "store.ReadCodes"
	portKeepCode       port = "store.KeepCode"
)

// call is a port call that a request has reached and that has not happened yet.
type call struct {
	port          port
	ids           []string // of jobs; handles of Delete; the key of an object
	before, after job.Job  // Create has only after
	message       job.Message
	limit         int
	hide          time.Duration
	hidings       []dispatch.Hiding
	shard         int
	cursor        string
	was, is       dispatch.Mark
	number        [2]int // of a problem and its version
	body          []byte
	from          int64 // of a read of limit bytes
	artifact      job.Artifact
	connection    string
	seat          int64 // that is taken, or named by a ring
	rungAt        int64
	jobs          []job.Job // whose code is meant
	until         job.Time
}

// reply is what came of a call.
type reply struct {
	job      job.Job
	ok       bool // found, created, saved, exists
	jobs     map[string]job.Job
	received []job.Received
	visible  int
	page     []dispatch.OpenJob
	cursor   string
	mark     dispatch.Mark
	problem  problem.Problem
	content  problem.Content
	artifact job.Artifact
	codes    map[string]dispatch.Code
	body     []byte
	bench    doorbell.Bench
	chosen   int
	err      error
}

// adapters are the three ports as memory keeps them.
type adapters struct {
	store   dispatch.Store
	queue   dispatch.Queue
	objects dispatch.Objects
}

// perform lets a call happen.
func (a adapters) perform(c *call) (r reply) {
	ctx := context.Background()
	switch c.port {
	case portGet:
		r.job, r.ok, r.err = a.store.Get(ctx, c.ids[0])
	case portGetMany:
		r.jobs, r.err = a.store.GetMany(ctx, c.ids)
	case portCreate:
		r.job, r.ok, r.err = a.store.Create(ctx, c.after)
	case portSave:
		r.job, r.ok, r.err = a.store.Save(ctx, c.before, c.after)
	case portOpen:
		r.page, r.cursor, r.err = a.store.Open(ctx, c.shard, c.cursor, c.limit)
	case portProblem:
		r.problem, r.ok, r.err = a.store.Problem(ctx, c.number[0])
	case portProblemVersion:
		r.content, r.ok, r.err = a.store.ProblemVersion(ctx, c.number[0], c.number[1])
	case portMark:
		r.mark, r.err = a.store.Mark(ctx)
	case portSaveMark:
		r.ok, r.err = a.store.SaveMark(ctx, c.was, c.is)
	case portRing:
		r.err = a.queue.Ring(ctx, c.message)
	case portReceive:
		r.received, r.err = a.queue.Receive(ctx, c.limit, c.hide)
	case portHide:
		r.err = a.queue.Hide(ctx, c.hidings)
	case portDelete:
		r.err = a.queue.Delete(ctx, c.ids)
	case portVisible:
		var depth dispatch.Depth
		depth, r.err = a.queue.Depth(ctx)
		r.visible = depth.Visible
	case portStat:
		r.artifact, r.ok, r.err = a.objects.Stat(ctx, c.ids[0])
	case portRead:
		r.body, r.err = a.objects.Read(ctx, c.ids[0], c.from, c.limit)
	case portPut:
		r.err = a.objects.Put(ctx, c.ids[0], c.body, c.artifact)
	case portPutCode:
		r.err = a.store.PutCode(ctx, c.jobs[0], c.body, c.until)
	case portReadCodes:
		r.codes, r.err = a.store.ReadCodes(ctx, c.jobs)
	case portKeepCode:
		r.ok, r.err = a.store.KeepCode(ctx, c.jobs[0], c.until)
	}
	return r
}

// parkedStore and the others are the ports of one request: each
// call parks it until somebody lets the call happen and gives it the reply.
type (
	parkedStore   struct{ *flight }
	parkedQueue   struct{ *flight }
	parkedObjects struct{ *flight }
	parkedBenches struct{ *flight }
	parkedPosts   struct{ *flight }
)

func (p parkedStore) Get(_ context.Context, id string) (job.Job, bool, error) {
	r := p.park(call{port: portGet, ids: []string{id}})
	return r.job, r.ok, r.err
}

func (p parkedStore) GetMany(_ context.Context, ids []string) (map[string]job.Job, error) {
	r := p.park(call{port: portGetMany, ids: ids})
	return maps.Clone(r.jobs), r.err // a request is made again from its replies
}

func (p parkedStore) Create(_ context.Context, j job.Job) (job.Job, bool, error) {
	r := p.park(call{port: portCreate, after: j})
	return r.job, r.ok, r.err
}

func (p parkedStore) Save(_ context.Context, before, after job.Job) (job.Job, bool, error) {
	r := p.park(call{port: portSave, before: before, after: after})
	return r.job, r.ok, r.err
}

func (p parkedStore) Open(_ context.Context, shard int, cursor string, limit int) ([]dispatch.OpenJob, string, error) {
	r := p.park(call{port: portOpen, shard: shard, cursor: cursor, limit: limit})
	return r.page, r.cursor, r.err
}

func (p parkedStore) Ended(context.Context, job.Time, int) ([]dispatch.EndedJob, bool, error) {
	panic("nobody here reads the feed")
}

func (p parkedStore) FinalOf(context.Context, int, string, int) ([]dispatch.FinalJob, bool, error) {
	panic("nobody here lists final jobs")
}

func (p parkedStore) Disputed(context.Context, string, int) ([]dispatch.FinalJob, bool, error) {
	panic("nobody here lists final jobs")
}

func (p parkedStore) Problem(_ context.Context, id int) (problem.Problem, bool, error) {
	r := p.park(call{port: portProblem, number: [2]int{id, 0}})
	return r.problem, r.ok, r.err
}

// SaveProblem is not part of the simulation: problems are published before it.
func (p parkedStore) SaveProblem(context.Context, problem.Problem, problem.Problem) (problem.Problem, bool, error) {
	panic("problems do not change")
}

// DeleteJob is not part of the simulation: a job that is gone has no invariants.
func (p parkedStore) DeleteJob(context.Context, job.Job) (job.Job, bool, error) {
	panic("jobs are not deleted")
}

func (p parkedStore) ProblemVersion(_ context.Context, id, number int) (problem.Content, bool, error) {
	r := p.park(call{port: portProblemVersion, number: [2]int{id, number}})
	return r.content, r.ok, r.err
}

// Problems is not part of the simulation: runners do not list problems.
func (parkedStore) Problems(context.Context, int, int) ([]dispatch.ListedProblem, error) {
	panic("problems are listed")
}

// ProblemVersions is not part of the simulation either.
func (parkedStore) ProblemVersions(context.Context, int, int, int) ([]dispatch.PublishedVersion, error) {
	panic("versions are listed")
}

func (p parkedStore) Mark(context.Context) (dispatch.Mark, error) {
	r := p.park(call{port: portMark})
	return r.mark, r.err
}

func (p parkedStore) SaveMark(_ context.Context, before, after dispatch.Mark) (bool, error) {
	r := p.park(call{port: portSaveMark, was: before, is: after})
	return r.ok, r.err
}

func (p parkedStore) PutCode(_ context.Context, j job.Job, zip []byte, until job.Time) error {
	return p.park(call{port: portPutCode, jobs: []job.Job{j}, body: zip, until: until}).err
}

func (p parkedStore) ReadCodes(_ context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	r := p.park(call{port: portReadCodes, jobs: of})
	return r.codes, r.err
}

func (p parkedStore) KeepCode(_ context.Context, j job.Job, until job.Time) (bool, error) {
	r := p.park(call{port: portKeepCode, jobs: []job.Job{j}, until: until})
	return r.ok, r.err
}

// RemoveCode is not part of the simulation, as DeleteJob is not.
func (p parkedStore) RemoveCode(context.Context, job.Job) error { panic("code is not deleted") }

func (p parkedQueue) Ring(_ context.Context, m job.Message) error {
	return p.park(call{port: portRing, message: m}).err
}

func (p parkedQueue) Receive(_ context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	r := p.park(call{port: portReceive, limit: limit, hide: hide})
	return r.received, r.err
}

func (p parkedQueue) Hide(_ context.Context, hidings []dispatch.Hiding) error {
	return p.park(call{port: portHide, hidings: hidings}).err
}

func (p parkedQueue) Delete(_ context.Context, handles []string) error {
	return p.park(call{port: portDelete, ids: handles}).err
}

func (p parkedQueue) Depth(context.Context) (dispatch.Depth, error) {
	r := p.park(call{port: portVisible})
	return dispatch.Depth{Visible: r.visible}, r.err
}

func (p parkedObjects) Stat(_ context.Context, key string) (job.Artifact, bool, error) {
	r := p.park(call{port: portStat, ids: []string{key}})
	return r.artifact, r.ok, r.err
}

func (p parkedObjects) Read(_ context.Context, key string, from int64, n int) ([]byte, error) {
	r := p.park(call{port: portRead, ids: []string{key}, from: from, limit: n})
	return r.body, r.err
}

// Remove is not part of the simulation, as that of jobs is not.
// Keep is not part of the simulation: problems are published before it.
func (p parkedObjects) Keep(context.Context, string) (bool, error) { panic("an object is kept") }

func (p parkedObjects) Remove(context.Context, []string) error { panic("objects are not deleted") }

func (p parkedObjects) Put(_ context.Context, key string, body []byte, a job.Artifact) error {
	return p.park(call{port: portPut, ids: []string{key}, body: body, artifact: a}).err
}

func (p parkedBenches) Benches(_ context.Context, from, _ int) ([]doorbell.Bench, error) {
	r := p.park(call{port: portBenches, from: int64(from)})
	return []doorbell.Bench{r.bench}, r.err
}

func (p parkedBenches) Take(_ context.Context, _ int, connection string, seat, rungAt int64, _ string) (doorbell.Bench, bool, error) {
	r := p.park(call{port: portTake, connection: connection, seat: seat, rungAt: rungAt})
	return r.bench, r.ok, r.err
}

func (p parkedBenches) Sit(_ context.Context, _ int, connection string, seat int64) (doorbell.Bench, bool, error) {
	r := p.park(call{port: portSit, connection: connection, seat: seat})
	return r.bench, r.ok, r.err
}

// Listener finds everybody: each runner has the connection of its name.
func (p parkedBenches) Listener(_ context.Context, runner string) (doorbell.Listener, bool, error) {
	return doorbell.Listener{Connection: runner, Runner: runner}, true, nil
}

// Again and Chain are not part of the exploration, which has no sweep and one bench.
func (p parkedBenches) Again(context.Context, int, string, int64, int64) (bool, error) {
	panic("nobody is rung again")
}

func (p parkedBenches) Join(context.Context, doorbell.Listener) (doorbell.Listener, bool, error) {
	panic("nobody connects anew")
}

// Part forgets nothing: it is about what a later sync of the runner that is gone would find.
func (p parkedBenches) Part(context.Context, string) (doorbell.Listener, error) {
	return doorbell.Listener{}, nil
}

// Of, Beside and Move are not part of the exploration, which has one pool.
func (p parkedBenches) Of(string) dispatch.Benches { panic("there is one chain") }

func (p parkedBenches) Beside(context.Context, map[string]bool, map[string]bool) (bool, error) {
	panic("there is one chain")
}

func (p parkedBenches) Move(context.Context, doorbell.Listener) (bool, error) {
	panic("there is one chain")
}

func (p parkedBenches) Chain(context.Context, int, int) (bool, error) { panic("there is one bench") }

func (p parkedPosts) Post(_ context.Context, connection string, message []byte) (bool, error) {
	var said struct{ Ring int64 }
	if err := json.Unmarshal(message, &said); err != nil {
		return false, err
	}
	r := p.park(call{port: portPost, connection: connection, seat: said.Ring})
	return r.ok, r.err
}

func (p parkedPosts) Close(context.Context, string) error { panic("nobody connects anew") }
func (p parkedObjects) PutAhead(ctx context.Context, key string, body []byte, a job.Artifact) error {
	return p.Put(ctx, key, body, a)
}
