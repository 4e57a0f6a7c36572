package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Every name of an attribute, a key or an index is in this file. Names are
// short because they are stored with every item: a job has to stay under 1 KB.

// The keys of the tables and of their indexes, for the code that creates them.
const (
	JobsKey = "id" // S

	// OpenIndex of the jobs table holds keys only: of open jobs and, under other
	// hash keys, of final ones. A job that ends moves from the one to the other,
	// which is one write more than leaving the index, and no second index.
	OpenIndex = "open"
	OpenHash  = "os" // S, open#<shard> or ended#<shard>
	OpenRange = "oq" // S, <queuedAt>#<id> or <endedAt>#<generation><f or c>

	// FinalIndex of the jobs table holds keys only, of final jobs by problem. A
	// disputed job is under one key with all of them, and the number of its problem is in
	// its range: so a dispute costs a write where there is one and no index.
	FinalIndex = "final"
	FinalHash  = "fh" // S, p<problem>#<shard> or disputed
	FinalRange = "fr" // S, [<problem>#]<endedAt>#<id>#<generation><f<status> or c>

	ProblemsKey   = "id" // N
	ProblemsRange = "v"  // N, 0: the problem as it is now, else a version of it

	// NowIndex of the problems table has its keys the other way round, so that
	// every item that any version has written is in it: under 0, all problems by id.
	NowIndex     = "now"
	NowProjected = oVersion // beside the keys

	CredentialsKey = "hash" // S

	// ListIndex of the credentials table holds whole items. Operators list
	// credentials by it; no request does.
	ListIndex = "list"
	ListHash  = "li" // S, always listAll
	ListRange = "id" // S, the public id

	DoorbellKey = "k" // S

	WebhooksKey   = "all" // S, always listAll: there are ten at most
	WebhooksRange = "id"  // S

	// The fleet's table holds the records of runners, what operators did and rejudges of
	// many.
	FleetKey   = "id" // S, the kind
	FleetRange = "n"  // S, of a runner its name, of an entry of the audit its key, of a pause its target, of a rejudge its id

	// LeaseExpiresAt of a claimed job, in epoch milliseconds.
	LeaseExpiresAt = aLeaseExpiresAt

	// StateOfJob is a job.State as a text, by which its stream is filtered.
	StateOfJob = aState

	// TTL is the time to live of jobs, credentials, connections, runners and the audit, in epoch seconds.
	TTL = "ttl"
)

// Attributes of a job. Zero values are left out.
const (
	aProblem         = "p"
	aLanguage        = "l"
	aGroup           = "g"
	aCodeSize        = "cs"
	aCodeHash        = "ch" // B
	aCodeInline      = "ci"
	aState           = "st"
	aAttempt         = "a"
	aFirstFence      = "ff"
	aFailures        = "f"
	aGeneration      = "ge"
	aBell            = "b"
	aRungAt          = "ra"
	aCreatedAt       = "ct"
	aQueuedAt        = "qt"
	aEndedAt         = "et"
	aCancelRequested = "x"
	aDisputed        = "di"
	aLacks           = "la"
	aPool            = "po" // absent: the default one; also of a problem
	aResult          = "re" // M
	aPast            = "pa" // L of M
	aRevision        = "v"
	aWriteID         = "w" // B

	// The claim.
	aRunner         = "r"
	aTokenHash      = "th" // B
	aProblemVersion = "pv"
	aLeaseSeconds   = "ls"
	aLeaseExpiresAt = "lu"
	aClaimedAt      = "ca"
	aHandle         = "h"
)

// Attributes of a result.
const (
	rAttempt     = "a"
	rStatus      = "s"
	rScore       = "p"
	rRunTime     = "t"
	rMemoryUsage = "m"
	rTasks       = "v" // B
	rDigest      = "d" // B
	rOutputs     = "o"
	rPacked      = "k" // B
	rMessage     = "e"
)

// Attributes of the record of a past attempt.
const (
	pAttempt        = "a"
	pGeneration     = "g"
	pRunner         = "r"
	pTokenHash      = "h" // B
	pProblemVersion = "v"
	pClaimedAt      = "c"
	pHeartbeatAt    = "b"
	pEndedAt        = "e"
	pHow            = "w"
	pReason         = "y"
	pDetail         = "d"
	pVerdict        = "s" // L: status, score
	pLate           = "l" // L: at, status, score
)

// Attributes of a problem (ProblemsRange 0) and of its versions.
const (
	oVersion  = "n"
	oContent  = "c" // M
	oDraft    = "d" // M
	oRevision = "ve"
	oWriteID  = "w" // B
	oPool     = aPool

	cTasks = "t" // L of L: score, cases, memory limit, time limit
	cSize  = "s"
	cHash  = "h" // B
	// Rules.
	cOutputLimit   = "ol"
	cCompileTime   = "ct"
	cCompileMemory = "cm"
	cStopOnFailure = "sf"
	cChecker       = "ck"
	cAbs           = "ca" // S: what a number of DynamoDB cannot hold
	cRel           = "cr" // S
	cProtocol      = "cp" // of a checker that is a program, and so on
	cLanguage      = "cl"
	cFile          = "cf"
	cCheckerTime   = "kt"
	cCheckerMemory = "km"
)

// Attributes of the sweep's mark, an item of the jobs table.
const (
	mRevision    = aRevision
	mShard       = "s"
	mCursor      = "c"
	mSilentSince = "ss"
	mSilent      = "sp" // M: the same of the other pools, by name

	// markID cannot be the id of a job: those have no '#'.
	markID = "#sweep"
)

// Attributes of the short code of a job, an item of the jobs table. Its key is the
// job's id and the beginning of the code's hash.
const (
	sZip = "z" // B

	// codeMark is between the two. Ids of jobs have no '#'.
	codeMark = "#"
	codeSum  = 16 // hex digits: what names the code among all that were handed in under an id
)

// Attributes of a webhook.
const (
	hURL       = "u"
	hSecret    = "s"
	hFormer    = "f"
	hFormerEnd = "fe"
	hCreatedAt = "c"
	hRevision  = "v"
)

// Attributes of a credential.
const (
	kKind      = "k"
	kName      = "n"
	kRunner    = "r"
	kFleet     = "f"
	kScopes    = "s"   // L of S
	kPools     = aPool // with commas between
	kCreatedAt = "c"
	kExpiresAt = "e"
	kRevokedAt = "x"

	// listAll is the one key of ListIndex: there are some hundred credentials.
	listAll = "all"
)

// Attributes of a bench, of a runner's connection and of a connection. The
// names of a bench stand in expressions as they are.
const (
	bWaiting    = "w" // M: seats, by connection
	bRung       = "r" // M: milliseconds, by connection
	bMore       = "m"
	bConnection = "c"
	bCredential = "i"
	bRunner     = "n"
	bSince      = "t" // milliseconds
	bBeside     = "b" // chains, with blanks between
	bChain      = "h"
)

// Attributes of the record of a runner.
const (
	kindRunner = "runner"
	kindAudit  = "audit"
	kindPause  = "pause"

	fFirstHeard = "f"
	fLastHeard  = "h"
	fVersion    = "u"
	fLanguages  = "l" // a bit for each
	fCheckers   = "c"
	fSlots      = "sl"
	fPools      = aPool // with commas between
	fState      = "s"
	fSince      = "t"
	fBy         = "b"
	fWhy        = "y"
	fAct        = "a" // of an entry of the audit, as the three before and fTarget
	fTarget     = "g"
	fLost       = "x"  // leases
	fInfra      = "i"  // infra_errors
	fRow        = "r"  // bad ends in a row
	fProbe      = "p"  // a job
	fProbes     = "pn" // how many
	fProbeAt    = "pa"
	fRevision   = aRevision
	fWriteID    = aWriteID // B
)

// Attributes of a rejudge of many, and of the item of the one of a problem that runs.
const (
	kindRejudge   = "rejudge"
	kindRejudging = "rejudging" // FleetRange is the problem

	mmProblem  = aProblem
	mmStatus   = "sv" // S: 0 is one
	mmFrom     = "fr"
	mmTo       = "to"
	mmPool     = aPool
	mmBy       = fBy
	mmWhy      = fWhy
	mmState    = fState
	mmStarted  = "t"
	mmUpdated  = "tu"
	mmEnded    = "te"
	mmMatched  = "m"
	mmCounted  = "mc"
	mmRejudged = "mr"
	mmSkipped  = "ms"
	mmFailed   = "mf"
	mmCursor   = "c"
	mmPending  = "q" // generation:job, with commas between
	mmTries    = "qt"
	mmStep     = "st"
	mmRungIn   = "ri"
	mmRunning  = fTarget // of the item of a problem: the id
	mmRevision = aRevision
	mmWriteID  = aWriteID // B
)

func fleetKey(kind, name string) item {
	return item{FleetKey: &types.AttributeValueMemberS{Value: kind}, FleetRange: &types.AttributeValueMemberS{Value: name}}
}

func doorbellKey(kind, of string) item {
	return item{DoorbellKey: &types.AttributeValueMemberS{Value: kind + of}}
}

func listenerKey(runner string) item { return doorbellKey("runner#", runner) }
func lineKey(connection string) item { return doorbellKey("line#", connection) }

// benchKey is bench#<n> for the default pool, else bench#<chain>#<n>.
func benchKey(chain string, n int) item { return doorbellKey(benchPrefix(chain), strconv.Itoa(n)) }

func benchPrefix(chain string) string {
	if chain == "" {
		return "bench#"
	}
	return "bench#" + chain + "#"
}

func benchNumber(chain string, key *types.AttributeValueMemberS) (int, error) {
	if key == nil {
		return 0, fmt.Errorf("a bench has no key %s", DoorbellKey)
	}
	return strconv.Atoi(strings.TrimPrefix(key.Value, benchPrefix(chain)))
}

// codeID is what the key of a job's short code has in place of a job's id.
func codeID(j job.Job) string {
	return j.ID + codeMark + j.Code.SHA256[:min(codeSum, len(j.Code.SHA256))]
}

func jobKey(id string) item { return item{JobsKey: &types.AttributeValueMemberS{Value: id}} }

func problemKey(id, number int) item {
	return item{ProblemsKey: numberValue(int64(id)), ProblemsRange: numberValue(int64(number))}
}

func credentialKey(hash string) item {
	return item{CredentialsKey: &types.AttributeValueMemberS{Value: hash}}
}

// openHash is the key of a shard of the index of open jobs.
func openHash(shard int) string { return "open#" + strconv.Itoa(shard) }

// OpenKey returns the hash key under which the index of open jobs holds a job.
func OpenKey(id string) string { return openHash(dispatch.ShardOf(id)) }

// openRange sorts as its time does. Every write of an open job makes two of them,
// so fmt is too slow for it.
func openRange(queuedAt job.Time, id string) string {
	place := append(appendSortable(make([]byte, 0, 80), queuedAt), '#')
	return string(append(place, id...))
}

// appendSortable appends a time in 13 digits, which last until the year 2286.
func appendSortable(to []byte, at job.Time) []byte {
	var digits [20]byte
	n := strconv.AppendInt(digits[:0], int64(at), 10)
	to = append(to, "0000000000000"[min(len(n), 13):]...)
	return append(to, n...)
}

// endedShards is how many hash keys final jobs are spread over in the index: 2,000
// jobs a second are 500 writes for each, half of what DynamoDB takes. Each is asked
// for by a page of Ended, which is half a read unit. Stored: it must never change.
const endedShards = 4

// endedPage is how many entries of a shard fit in 4 KB, half a read unit: one has at
// most 7 + 2 bytes of a hash key, 28 of a range key, 66 of an id.
const endedPage = 39

func endedHash(shard int) string { return endedHashes[shard] }

var endedHashes = [endedShards]string{"ended#0", "ended#1", "ended#2", "ended#3"}

// endedRange sorts as the time does. The letter is the state.
func endedRange(j *job.Job) string {
	place := append(appendSortable(make([]byte, 0, 24), j.EndedAt), '#')
	return string(append(strconv.AppendInt(place, int64(j.Generation), 10), j.State[0]))
}

// parseEnded reads an entry of the index under an endedHash.
func parseEnded(it item) (dispatch.EndedJob, error) {
	r := reader{item: it}
	place, ended := r.text(OpenRange), dispatch.EndedJob{ID: r.text(JobsKey), State: job.Finished}
	at, of, found := strings.Cut(place, "#")
	of, cancelled := strings.CutSuffix(of, string(job.Cancelled[:1]))
	if cancelled {
		ended.State = job.Cancelled
	}
	ms, err := strconv.ParseInt(at, 10, 64)
	generation, err2 := strconv.Atoi(strings.TrimSuffix(of, string(job.Finished[:1])))
	if !found || errors.Join(r.err, err, err2) != nil {
		return ended, fmt.Errorf("malformed entry of index %s: %q", OpenIndex, place)
	}
	ended.EndedAt, ended.Generation = job.Time(ms), generation
	return ended, nil
}

// parseOpenRange takes apart what openRange made.
func parseOpenRange(s string) (dispatch.OpenJob, error) {
	at, id, found := strings.Cut(s, "#")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil {
		return dispatch.OpenJob{}, fmt.Errorf("malformed entry of index %s: %q", OpenIndex, s)
	}
	return dispatch.OpenJob{ID: id, QueuedAt: job.Time(ms)}, nil
}
