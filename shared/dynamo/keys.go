package dynamo

import (
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

	// OpenIndex of the jobs table holds keys only, and only of open jobs.
	OpenIndex = "open"
	OpenHash  = "os" // S, open#<shard>
	OpenRange = "oq" // S, <queuedAt>#<id>

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

	// LeaseExpiresAt of a claimed job, in epoch milliseconds.
	LeaseExpiresAt = aLeaseExpiresAt

	// TTL is the time to live of jobs and credentials, in epoch seconds.
	TTL = "ttl"
)

// Attributes of a job. One that would be zero is left out.
const (
	aProblem         = "p"
	aLanguage        = "l"
	aGroup           = "g"
	aCodeSize        = "cs"
	aCodeHash        = "ch" // B
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

	// markID cannot be the id of a job: those have no '#'.
	markID = "#sweep"
)

// Attributes of a credential.
const (
	kKind      = "k"
	kName      = "n"
	kRunner    = "r"
	kFleet     = "f"
	kScopes    = "s" // L of S
	kCreatedAt = "c"
	kExpiresAt = "e"
	kRevokedAt = "x"

	// listAll is the one key of ListIndex: there are some hundred credentials.
	listAll = "all"
)

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

// openRange sorts as its time does: 13 digits last until the year 2286. Every
// write of an open job makes two of them, so fmt is too slow for it.
func openRange(queuedAt job.Time, id string) string {
	digits := strconv.FormatInt(int64(queuedAt), 10)
	return "0000000000000"[min(len(digits), 13):] + digits + "#" + id
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
