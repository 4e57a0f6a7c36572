package dynamo

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// jobAttributes is how many attributes a job has, and a few more: each write makes
// two lists of them, and a list that grows takes 6 KB more.
const jobAttributes = 38

// jobItem is a job as it is stored: hashes and write ids as bytes, times as
// numbers; and with it what is derived from the job: its place in the index and
// its time to live. Its key is not in it.
func jobItem(j *job.Job) writer {
	w := make(writer, 0, jobAttributes)
	w.number(aProblem, int64(j.Problem))
	w.number(aLanguage, int64(j.Language))
	w.text(aGroup, j.Group)
	w.number(aCodeSize, j.Code.Size)
	w.hex(aCodeHash, j.Code.SHA256)
	w.flag(aCodeInline, j.CodeInline)
	w.text(aState, string(j.State))
	w.number(aAttempt, int64(j.Attempt))
	w.number(aFirstFence, int64(j.FirstFence))
	w.number(aFailures, int64(j.Failures))
	w.number(aGeneration, int64(j.Generation))
	w.number(aBell, j.Bell)
	w.number(aRungAt, int64(j.RungAt))
	w.number(aCreatedAt, int64(j.CreatedAt))
	w.number(aQueuedAt, int64(j.QueuedAt))
	w.number(aEndedAt, int64(j.EndedAt))
	w.flag(aCancelRequested, j.CancelRequested)
	w.flag(aDisputed, j.Disputed)
	w.text(aLacks, string(j.Lacks))
	w.text(aPool, string(j.Pool))
	w.number(aRevision, j.Revision)
	w.hex(aWriteID, j.WriteID)

	w.text(aRunner, j.Claim.Runner)
	w.hex(aTokenHash, j.Claim.TokenHash)
	w.number(aProblemVersion, int64(j.Claim.ProblemVersion))
	w.number(aLeaseSeconds, int64(j.Claim.LeaseSeconds))
	w.number(aLeaseExpiresAt, int64(j.Claim.LeaseExpiresAt))
	w.number(aClaimedAt, int64(j.Claim.ClaimedAt))
	w.text(aHandle, j.Claim.Handle)

	w.sub(aResult, resultItem(j.Result))
	var records []writer
	for i := range j.Past {
		records = append(records, pastItem(&j.Past[i]))
	}
	w.list(aPast, records)

	hash, place := "", ""
	switch {
	case j.Open():
		hash, place = OpenKey(j.ID), openRange(j.QueuedAt, j.ID)
	case j.Final():
		hash, place = endedHash(dispatch.ShardOf(j.ID)%endedShards), endedRange(j)
	}
	w.text(OpenHash, hash)
	w.text(OpenRange, place)
	hash, place = finalPlace(j)
	w.text(FinalHash, hash)
	w.text(FinalRange, place)
	w.number(TTL, int64(j.ExpiresAt())/1000)
	return w
}

func resultItem(res *job.Result) writer {
	if res == nil {
		return nil
	}
	w := make(writer, 0, 10)
	w.number(rAttempt, int64(res.Attempt))
	w.number(rStatus, int64(res.Status))
	w.number(rScore, int64(res.Score))
	w.number(rRunTime, res.RunTime)
	w.number(rMemoryUsage, res.MemoryUsage)
	w.bytes(rTasks, res.Tasks)
	w.hex(rDigest, res.Digest)
	w.text(rOutputs, res.Outputs)
	w.bytes(rPacked, res.Packed)
	w.text(rMessage, res.Message)
	return w
}

// pastItem begins with the attempt, which says whose record it is.
func pastItem(past *job.Past) writer {
	w := make(writer, 0, 13)
	w.number(pAttempt, int64(past.Attempt))
	w.number(pGeneration, int64(past.Generation))
	w.text(pRunner, past.Runner)
	w.hex(pTokenHash, past.TokenHash)
	w.number(pProblemVersion, int64(past.ProblemVersion))
	w.number(pClaimedAt, int64(past.ClaimedAt))
	w.number(pHeartbeatAt, int64(past.HeartbeatAt))
	w.number(pEndedAt, int64(past.EndedAt))
	w.text(pHow, string(past.How))
	w.text(pReason, string(past.Reason))
	w.text(pDetail, past.Detail)
	var verdict, late types.AttributeValue
	if v := past.Verdict; v != nil {
		verdict = numbersValue(int64(v.Status), int64(v.Score))
	}
	if l := past.Late; l != nil {
		late = numbersValue(int64(l.At), int64(l.Verdict.Status), int64(l.Verdict.Score))
	}
	w.as(pVerdict, verdict)
	w.as(pLate, late)
	return w
}

// readJob is the job of an item. Attributes that it does not know are passed over.
func readJob(it item) (job.Job, error) {
	r := reader{item: it}
	j := job.Job{
		ID:              r.text(JobsKey),
		Problem:         int(r.number(aProblem)),
		Language:        job.Language(r.number(aLanguage)),
		Group:           r.text(aGroup),
		Code:            job.Artifact{Size: r.number(aCodeSize), SHA256: r.hex(aCodeHash)},
		CodeInline:      r.flag(aCodeInline),
		State:           job.State(r.text(aState)),
		Attempt:         int(r.number(aAttempt)),
		FirstFence:      int(r.number(aFirstFence)),
		Failures:        int(r.number(aFailures)),
		Generation:      int(r.number(aGeneration)),
		Bell:            r.number(aBell),
		RungAt:          job.Time(r.number(aRungAt)),
		CreatedAt:       job.Time(r.number(aCreatedAt)),
		QueuedAt:        job.Time(r.number(aQueuedAt)),
		EndedAt:         job.Time(r.number(aEndedAt)),
		CancelRequested: r.flag(aCancelRequested),
		Disputed:        r.flag(aDisputed),
		Lacks:           job.Why(r.text(aLacks)),
		Pool:            job.Pool(r.text(aPool)),
		Revision:        r.number(aRevision),
		WriteID:         r.hex(aWriteID),
		Claim: job.Claim{
			Runner:         r.text(aRunner),
			TokenHash:      r.hex(aTokenHash),
			ProblemVersion: int(r.number(aProblemVersion)),
			LeaseSeconds:   int(r.number(aLeaseSeconds)),
			LeaseExpiresAt: job.Time(r.number(aLeaseExpiresAt)),
			ClaimedAt:      job.Time(r.number(aClaimedAt)),
			Handle:         r.text(aHandle),
		},
	}
	r.sub(aResult, func(r *reader) { j.Result = readResult(r) })
	for _, record := range r.list(aPast) {
		r.subOf(aPast, record, func(r *reader) { j.Past = append(j.Past, readPast(r)) })
	}
	if r.err != nil {
		return job.Job{}, fmt.Errorf("read item of job %s: %w", j.ID, r.err)
	}
	return j, nil
}

func readResult(r *reader) *job.Result {
	return &job.Result{
		Attempt:     int(r.number(rAttempt)),
		Status:      int(r.number(rStatus)),
		Score:       int(r.number(rScore)),
		RunTime:     r.number(rRunTime),
		MemoryUsage: r.number(rMemoryUsage),
		Tasks:       r.bytes(rTasks),
		Digest:      r.hex(rDigest),
		Outputs:     r.text(rOutputs),
		Packed:      r.bytes(rPacked),
		Message:     r.text(rMessage),
	}
}

func readPast(r *reader) job.Past {
	past := job.Past{
		Attempt:        int(r.number(pAttempt)),
		Generation:     int(r.number(pGeneration)),
		Runner:         r.text(pRunner),
		TokenHash:      r.hex(pTokenHash),
		ProblemVersion: int(r.number(pProblemVersion)),
		ClaimedAt:      job.Time(r.number(pClaimedAt)),
		HeartbeatAt:    job.Time(r.number(pHeartbeatAt)),
		EndedAt:        job.Time(r.number(pEndedAt)),
		How:            job.How(r.text(pHow)),
		Reason:         job.Reason(r.text(pReason)),
		Detail:         r.text(pDetail),
	}
	if v := r.numbers(pVerdict, 2); v != nil {
		past.Verdict = &job.Verdict{Status: int(v[0]), Score: int(v[1])}
	}
	if l := r.numbers(pLate, 3); l != nil {
		past.Late = &job.Late{At: job.Time(l[0]), Verdict: job.Verdict{Status: int(l[1]), Score: int(l[2])}}
	}
	return past
}
