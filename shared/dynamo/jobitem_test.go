package dynamo

import (
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"runlease/shared/job"
	"runlease/shared/testkit/storetest"
)

func TestEveryLegalJobRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := storetest.Jobs().Draw(t, "job")
		it := stored(j)
		got, err := readJob(it)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(j, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
		_, hash := it[OpenHash]
		_, sort := it[OpenRange]
		if placed := j.Open() || j.Final(); hash != placed || sort != placed {
			t.Fatalf("%s job: in the index %v, %v", j.State, hash, sort)
		}
		if _, expires := it[TTL]; expires != (j.Final() || j.State == job.Created) {
			t.Fatalf("%s job: time to live %v", j.State, expires)
		}
		// No attribute may be empty: an index key must not be, and what is
		// empty is left out.
		for name, v := range it {
			if s, ok := v.(*types.AttributeValueMemberS); ok && s.Value == "" {
				t.Fatalf("attribute %s is empty", name)
			}
		}
	})
}

func TestHex(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		bytes      bool
	}{
		{"lower-case hex is bytes", "00ff10", true},
		{"upper-case is kept", "00FF10", false},
		{"odd length is kept", "00f", false},
		{"text is kept", "write-1", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := writer{}
			w.hex("a", tc.text)
			it := w.item()
			if b, ok := it["a"].(*types.AttributeValueMemberB); ok != tc.bytes || ok && hex.EncodeToString(b.Value) != tc.text {
				t.Errorf("stored as %T", it["a"])
			}
			r := reader{item: it}
			if got := r.hex("a"); got != tc.text || r.err != nil {
				t.Errorf("got %q, error %v", got, r.err)
			}
		})
	}
}

func TestTimeToLive(t *testing.T) {
	j := job.Job{ID: "a", State: job.Finished, EndedAt: 1_772_366_400_999}
	// 90 days of 86,400 s later, rounded down.
	if got := stored(j)[TTL].(*types.AttributeValueMemberN).Value; got != "1780142400" {
		t.Errorf("got %s", got)
	}
}

func TestMalformedItems(t *testing.T) {
	good := stored(job.Job{
		ID: "a", State: job.Finished, Attempt: 1, CancelRequested: true, WriteID: "00", Result: &job.Result{Tasks: []byte("x")},
		Past: []job.Past{{Attempt: 1, Verdict: &job.Verdict{}}},
	})
	if _, err := readJob(good); err != nil {
		t.Fatal(err)
	}
	wrong := &types.AttributeValueMemberNULL{Value: true}
	for _, name := range []string{aState, aAttempt, aCancelRequested, aWriteID, aResult, aPast} {
		t.Run(name, func(t *testing.T) {
			bad := cloneItem(good)
			bad[name] = wrong
			if _, err := readJob(bad); err == nil || !strings.Contains(err.Error(), "job a") {
				t.Errorf("got error %v", err)
			}
		})
	}
	t.Run("in a result", func(t *testing.T) {
		bad := cloneItem(good)
		bad[aResult] = &types.AttributeValueMemberM{Value: item{rTasks: wrong}}
		if _, err := readJob(bad); err == nil {
			t.Error("no error")
		}
	})
	t.Run("in a record", func(t *testing.T) {
		bad := cloneItem(good)
		bad[aPast] = &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{Value: item{pVerdict: numbersValue(1)}}}}
		if _, err := readJob(bad); err == nil {
			t.Error("no error")
		}
	})
	t.Run("unknown attributes are passed over", func(t *testing.T) {
		newer := cloneItem(good)
		newer["zz"] = wrong
		if _, err := readJob(newer); err != nil {
			t.Error(err)
		}
	})
}

// stored is the item of a job.
func stored(j job.Job) item {
	it := jobItem(&j).item()
	maps.Copy(it, jobKey(j.ID))
	return it
}

func cloneItem(it item) item {
	clone := make(item, len(it))
	for name, v := range it {
		clone[name] = v
	}
	return clone
}

// touched is what the difference between two jobs writes and removes.
func touched(t *testing.T, before, after job.Job) (set, removed []string) {
	t.Helper()
	e := changeIf(aRevision, 1).to(jobItem(&before), jobItem(&after))
	named := regexp.MustCompile(`#\w+`)
	for clause := range strings.SplitSeq(strings.TrimSpace(*e.update()), "\n") {
		verb, rest, _ := strings.Cut(clause, " ")
		for part := range strings.SplitSeq(rest, ", ") {
			path, _, _ := strings.Cut(part, " = ")
			// The comma within list_append(a, b) is not one between two parts.
			if strings.HasPrefix(path, ":") {
				continue
			}
			path = named.ReplaceAllStringFunc(path, func(alias string) string { return e.names[alias] })
			switch verb {
			case "SET":
				if strings.Contains(part, "list_append") {
					path += " +"
				}
				set = append(set, path)
			case "REMOVE":
				removed = append(removed, path)
			}
		}
	}
	slices.Sort(set)
	slices.Sort(removed)
	return set, removed
}

// TestDifference says for every transition which attributes it writes. In
// particular a heartbeat writes the lease and nothing else, and no claim,
// heartbeat or release touches the index.
func TestDifference(t *testing.T) {
	const t0 = job.Time(1_772_366_400_000)
	versioned := func(j job.Job) job.Job {
		j.Revision++
		j.WriteID = hex.EncodeToString([]byte{0, 0, 0, 0, 0, 0, 0, byte(j.Revision)})
		return j
	}
	apply := func(j job.Job, op func(job.Job) (job.Job, job.Decision)) job.Job {
		after, out := op(j)
		if !out.Write {
			t.Fatal("op changes nothing")
		}
		return versioned(after)
	}
	token, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	created := versioned(job.CreateOp{Now: t0, ID: "a", Problem: 1, Group: "g"}.New())
	queued := apply(created, job.SubmitOp{Now: t0}.Apply)
	claimed := apply(queued, job.ClaimOp{Now: t0, Runner: "r", TokenHash: token, LeaseSeconds: 60, ProblemVersion: 1}.Apply)
	released := apply(claimed, job.ReleaseOp{Now: t0 + 1, Runner: "r", TokenHash: token, Reason: job.ReasonDrain}.Apply)
	again := apply(released, job.ClaimOp{Now: t0, Runner: "r", TokenHash: other, LeaseSeconds: 60, ProblemVersion: 1, Handle: "h"}.Apply)
	replaced := apply(claimed, job.ClaimOp{Now: t0 + 99_000, Runner: "s", TokenHash: other, LeaseSeconds: 60, ProblemVersion: 1}.Apply)
	finished := apply(replaced, job.CompleteOp{Now: t0 + 99_001, Runner: "s", TokenHash: other}.Apply)

	claim := []string{aRunner, aTokenHash, aProblemVersion, aLeaseSeconds, aLeaseExpiresAt, aClaimedAt}
	with := func(base []string, more ...string) []string {
		all := append(append([]string{aRevision, aWriteID}, base...), more...)
		slices.Sort(all)
		return all
	}
	for _, tc := range []struct {
		name          string
		before, after job.Job
		set, removed  []string
	}{
		{"submit", created, queued, with(nil, aState, aQueuedAt, aBell, aRungAt, OpenHash, OpenRange), []string{TTL}},
		{"claim", queued, claimed, with(claim, aState, aAttempt), nil},
		{"claim with a handle", released, again, with(claim, aState, aAttempt, aHandle), nil},
		{"heartbeat", claimed, apply(claimed, job.HeartbeatOp{Now: t0 + 30_000, Runner: "r"}.Apply), with(nil, aLeaseExpiresAt), nil},
		{"attach", claimed, apply(claimed, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply), with(nil, aHandle), nil},
		{"cancel asked", claimed, apply(claimed, job.CancelOp{Now: t0}.Apply), with(nil, aCancelRequested), nil},
		{"release", claimed, released, with(nil, aState, aBell, aRungAt, aPast), claim},
		{
			"claim of an expired lease", claimed, replaced,
			with(nil, aAttempt, aFailures, aRunner, aTokenHash, aLeaseExpiresAt, aClaimedAt, aPast), nil,
		},
		{
			"complete", replaced, finished,
			with(nil, aState, aEndedAt, aResult, aPast+" +", TTL, OpenHash, OpenRange, FinalHash, FinalRange), claim,
		},
		{
			"late result", finished,
			apply(finished, job.CompleteOp{Now: t0 + 99_002, Runner: "r", TokenHash: token, Result: job.Result{Score: 1}}.Apply),
			with(nil, aDisputed, aPast+"[0]."+pLate, FinalHash, FinalRange), nil,
		},
		{
			"rejudge", finished, apply(finished, job.RejudgeOp{Now: t0 + 100_000}.Apply),
			with(nil, aState, aGeneration, aFirstFence, aBell, aRungAt, aQueuedAt, OpenHash, OpenRange),
			[]string{aFailures, aEndedAt, aResult, TTL, FinalHash, FinalRange},
		},
		{
			"cancel", queued, apply(queued, job.CancelOp{Now: t0}.Apply),
			with(nil, aState, aEndedAt, TTL, OpenHash, OpenRange, FinalHash, FinalRange), nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, removed := touched(t, tc.before, tc.after)
			slices.Sort(tc.removed)
			if diff := cmp.Diff(tc.set, set); diff != "" {
				t.Errorf("SET: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(tc.removed, removed, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("REMOVE: -want +got\n%s", diff)
			}
		})
	}
}

func TestNamesAreUnique(t *testing.T) {
	for kind, names := range map[string][]string{
		"job": {
			JobsKey, OpenHash, OpenRange, TTL, aProblem, aLanguage, aGroup, aCodeSize, aCodeHash, aState, aAttempt, aFirstFence,
			aFailures, aGeneration, aBell, aRungAt, aCreatedAt, aQueuedAt, aEndedAt, aCancelRequested, aDisputed, aResult, aPast, aRevision,
			aWriteID, aRunner, aTokenHash, aProblemVersion, aLeaseSeconds, aLeaseExpiresAt, aClaimedAt, aHandle,
		},
		"mark":       {JobsKey, mRevision, mShard, mCursor, mSilentSince},
		"result":     {rAttempt, rStatus, rScore, rRunTime, rMemoryUsage, rTasks, rDigest, rOutputs, rPacked},
		"past":       {pAttempt, pGeneration, pRunner, pTokenHash, pProblemVersion, pClaimedAt, pHeartbeatAt, pEndedAt, pHow, pReason, pVerdict, pLate},
		"problem":    {ProblemsKey, ProblemsRange, oVersion, oContent, oDraft, oRevision, oWriteID},
		"rejudge":    {FleetKey, FleetRange, TTL, mmProblem, mmStatus, mmFrom, mmTo, mmPool, mmBy, mmWhy, mmState, mmStarted, mmUpdated, mmEnded, mmMatched, mmCounted, mmRejudged, mmSkipped, mmFailed, mmCursor, mmPending, mmTries, mmStep, mmRungIn, mmRevision, mmWriteID},
		"credential": {CredentialsKey, ListHash, ListRange, TTL, kKind, kName, kRunner, kFleet, kScopes, kCreatedAt, kExpiresAt, kRevokedAt},
	} {
		slices.Sort(names)
		if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
			t.Errorf("%s: two attributes share a name in %v", kind, names)
		}
	}
}

func TestRoomForAllAttributes(t *testing.T) {
	if w := jobItem(&job.Job{}); cap(w) != jobAttributes {
		t.Errorf("a list of %d attributes grew: jobAttributes are %d", len(w), jobAttributes)
	}
}
