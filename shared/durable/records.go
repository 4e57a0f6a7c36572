package durable

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"runlease/shared/announce"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
)

func jobFields(c *codec, j *job.Job) {
	textField(c, 1, &j.ID)
	numberField(c, 2, &j.Problem)
	numberField(c, 3, &j.Language)
	textField(c, 4, &j.Group)
	numberField(c, 5, &j.Code.Size)
	textField(c, 6, &j.Code.SHA256)
	textField(c, 7, &j.State)
	numberField(c, 8, &j.Attempt)
	numberField(c, 9, &j.FirstFence)
	numberField(c, 10, &j.Failures)
	numberField(c, 11, &j.Generation)
	numberField(c, 12, &j.Bell)
	numberField(c, 13, &j.RungAt)
	numberField(c, 14, &j.CreatedAt)
	numberField(c, 15, &j.QueuedAt)
	numberField(c, 16, &j.EndedAt)
	flagField(c, 17, &j.CancelRequested)
	flagField(c, 18, &j.Disputed)
	numberField(c, 19, &j.Revision)
	textField(c, 20, &j.WriteID)
	textField(c, 21, &j.Claim.Runner)
	textField(c, 22, &j.Claim.TokenHash)
	numberField(c, 23, &j.Claim.ProblemVersion)
	numberField(c, 24, &j.Claim.LeaseSeconds)
	numberField(c, 25, &j.Claim.LeaseExpiresAt)
	numberField(c, 26, &j.Claim.ClaimedAt)
	textField(c, 27, &j.Claim.Handle)
	recordField(c, 28, resultFields, &j.Result)
	listField(c, 29, pastFields, &j.Past)
	flagField(c, 30, &j.CodeInline)
	textField(c, 31, &j.Lacks)
	textField(c, 32, &j.Pool)
}

func resultFields(c *codec, r *job.Result) {
	numberField(c, 1, &r.Attempt)
	numberField(c, 2, &r.Status)
	numberField(c, 3, &r.Score)
	numberField(c, 4, &r.RunTime)
	numberField(c, 5, &r.MemoryUsage)
	bytesField(c, 6, &r.Tasks)
	textField(c, 7, &r.Digest)
	textField(c, 8, &r.Outputs)
	bytesField(c, 9, &r.Packed)
	textField(c, 10, &r.Message)
}

func pastFields(c *codec, p *job.Past) {
	numberField(c, 1, &p.Attempt)
	numberField(c, 2, &p.Generation)
	textField(c, 3, &p.Runner)
	textField(c, 4, &p.TokenHash)
	numberField(c, 5, &p.ProblemVersion)
	numberField(c, 6, &p.ClaimedAt)
	numberField(c, 7, &p.HeartbeatAt)
	numberField(c, 8, &p.EndedAt)
	textField(c, 9, &p.How)
	textField(c, 10, &p.Reason)
	recordField(c, 11, verdictFields, &p.Verdict)
	recordField(c, 12, lateFields, &p.Late)
	textField(c, 13, &p.Detail)
}

func verdictFields(c *codec, v *job.Verdict) {
	numberField(c, 1, &v.Status)
	numberField(c, 2, &v.Score)
}

func lateFields(c *codec, l *job.Late) {
	numberField(c, 1, &l.At)
	numberField(c, 2, &l.Verdict.Status)
	numberField(c, 3, &l.Verdict.Score)
}

func problemFields(c *codec, p *problem.Problem) {
	numberField(c, 1, &p.ID)
	current := &p.Current
	recordField(c, 2, contentFields, &current)
	p.Current = *current
	numberField(c, 3, &p.Version)
	recordField(c, 4, contentFields, &p.Draft)
	numberField(c, 5, &p.Revision)
	textField(c, 6, &p.WriteID)
	textField(c, 7, &p.Pool)
}

func contentFields(c *codec, p *problem.Content) {
	listField(c, 1, taskFields, &p.Tasks)
	numberField(c, 2, &p.Testdata.Size)
	textField(c, 3, &p.Testdata.SHA256)
	r := &p.Rules
	numberField(c, 4, &r.OutputLimit)
	numberField(c, 5, &r.Compile.TimeLimit)
	numberField(c, 6, &r.Compile.MemoryLimit)
	flagField(c, 7, &r.StopOnFailure)
	textField(c, 8, &r.Checker.Kind)
	floatField(c, 9, &r.Checker.Abs)
	floatField(c, 10, &r.Checker.Rel)
	textField(c, 11, &r.Checker.Protocol)
	numberField(c, 12, &r.Checker.Language)
	textField(c, 13, &r.Checker.File)
	numberField(c, 14, &r.Checker.TimeLimit)
	numberField(c, 15, &r.Checker.MemoryLimit)
}

func taskFields(c *codec, t *judge.Task) {
	numberField(c, 1, &t.Score)
	numberField(c, 2, &t.Cases)
	numberField(c, 3, &t.MemoryLimit)
	numberField(c, 4, &t.TimeLimit)
}

func markFields(c *codec, m *dispatch.Mark) {
	numberField(c, 1, &m.Revision)
	numberField(c, 2, &m.Shard)
	textField(c, 3, &m.Cursor)
	numberField(c, 4, &m.SilentSince)
	pools := make([]silence, 0, len(m.Silent))
	for _, pool := range slices.Sorted(maps.Keys(m.Silent)) {
		pools = append(pools, silence{pool, m.Silent[pool]})
	}
	listField(c, 5, silenceFields, &pools)
	if c.reads && len(pools) > 0 {
		m.Silent = make(map[job.Pool]job.Time)
		for _, s := range pools {
			m.Silent[s.pool] = s.since
		}
	}
}

// silence is an entry of a mark's Silent.
type silence struct {
	pool  job.Pool
	since job.Time
}

func silenceFields(c *codec, s *silence) {
	textField(c, 1, &s.pool)
	numberField(c, 2, &s.since)
}

func credentialFields(c *codec, a *auth.Credential) {
	textField(c, 1, &a.Hash)
	textField(c, 2, &a.Kind)
	textField(c, 3, &a.ID)
	textField(c, 4, &a.Name)
	textField(c, 5, &a.Runner)
	flagField(c, 6, &a.Fleet)
	textsField(c, 7, &a.Scopes)
	timeField(c, 8, &a.CreatedAt)
	timeField(c, 9, &a.ExpiresAt)
	timeField(c, 10, &a.RevokedAt)
	textsField(c, 11, &a.Pools)
}

func messageFields(c *codec, m *message) {
	textField(c, 1, &m.Job)
	numberField(c, 2, &m.Bell)
	textField(c, 3, &m.Group)
	timeField(c, 4, &m.SentAt)
	timeField(c, 5, &m.VisibleAt)
	numberField(c, 6, &m.Receives)
	textField(c, 7, &m.Pool)
}

func endpointFields(c *codec, e *announce.Endpoint) {
	textField(c, 1, &e.ID)
	textField(c, 2, &e.URL)
	textField(c, 3, &e.Secret)
	textField(c, 4, &e.Former)
	timeField(c, 5, &e.FormerEnd)
	timeField(c, 6, &e.CreatedAt)
	numberField(c, 7, &e.Revision)
}

func letterFields(c *codec, l *memory.KeptLetter) {
	textField(c, 1, &l.Endpoint)
	textField(c, 2, &l.Job)
	numberField(c, 3, &l.Generation)
	timeField(c, 4, &l.Since)
	textField(c, 5, &l.Failure)
	numberField(c, 6, &l.Tries)
	timeField(c, 7, &l.Due)
	flagField(c, 8, &l.Dead)
}

// timeField keeps milliseconds; the zero time is none.
func timeField(c *codec, n protowire.Number, t *time.Time) {
	var ms int64
	if !t.IsZero() {
		ms = t.UnixMilli()
	}
	numberField(c, n, &ms)
	if c.reads && ms != 0 {
		*t = time.UnixMilli(ms).UTC()
	}
}
