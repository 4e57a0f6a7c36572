package grants

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/api"
)

func TestFunctionsAreTheRoutesAndSevenMore(t *testing.T) {
	want := []string{Sweep, Announce, NotFound, Console, HoldPools, DoorbellConnect, DoorbellDisconnect}
	for _, route := range api.Routes() {
		want = append(want, route.Function)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if diff := cmp.Diff(want, Functions()); diff != "" {
		t.Errorf("functions (-route table +grants):\n%s", diff)
	}
}

func TestEveryGrantIsNamedOnceAndInFull(t *testing.T) {
	services := map[Resource]string{
		Jobs: "dynamodb", OpenJobs: "dynamodb", FinalJobs: "dynamodb", Problems: "dynamodb", ListedProblems: "dynamodb", Credentials: "dynamodb",
		Doorbell: "dynamodb", Fleet: "dynamodb", Rings: "execute-api", Lines: "execute-api",
		Queue: "sqs", DeadLetterQueue: "sqs", PoolQueues: "sqs", Announcements: "sqs", DeadAnnounced: "sqs", JobsStream: "dynamodb", Webhooks: "dynamodb",
		Code: "s3", Testdata: "s3", Results: "s3", Bucket: "s3", Metrics: "cloudwatch",
	}
	for name, granted := range All() {
		seen := map[Resource]bool{}
		for _, g := range granted {
			if seen[g.Resource] {
				t.Errorf("%s: %s is granted twice", name, g.Resource)
			}
			seen[g.Resource] = true
			if len(g.Actions) == 0 {
				t.Errorf("%s: no action on %s", name, g.Resource)
			}
			for _, action := range g.Actions {
				service, verb, _ := strings.Cut(action, ":")
				if service != services[g.Resource] || verb == "" || strings.Contains(verb, "*") {
					t.Errorf("%s: %q on %s", name, action, g.Resource)
				}
			}
		}
		if callers := name != Sweep && name != NotFound && name != Console && name != Announce && name != HoldPools && name != DoorbellDisconnect; seen[Credentials] != callers {
			t.Errorf("%s: may read credentials: %v, want %v", name, seen[Credentials], callers)
		}
	}
}

func TestEnvNamesWhatTheGrantsNeed(t *testing.T) {
	for _, tc := range []struct {
		function string
		want     []string
	}{
		{"list-jobs", []string{EnvCredentials, EnvDeadLetterQueue, EnvFleet, EnvJobs, EnvProblems, EnvQueue}},
		{"claim-job", []string{EnvBucket, EnvBucketHost, EnvCredentials, EnvFleet, EnvJobs, EnvProblems}},
		{Sweep, []string{EnvDoorbellPosts, EnvDoorbellTable, EnvDoorbellURL, EnvFleet, EnvJobs, EnvQueue}},
		{NotFound, nil},
		{Console, nil},
	} {
		t.Run(tc.function, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Env(All()[tc.function])); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatIsMissingIs404: a function that may get an object is told that it is missing,
// not that it is forbidden.
func TestWhatIsMissingIs404(t *testing.T) {
	signing := 0
	for name, granted := range All() {
		gets, lists := false, false
		for _, g := range granted {
			gets = gets || slices.Contains(g.Actions, GetObject)
			lists = lists || slices.Contains(g.Actions, ListBucket)
		}
		if gets {
			signing++
		}
		if gets != lists {
			t.Errorf("%s: may get objects: %v, may list the bucket: %v", name, gets, lists)
		}
	}
	if signing < 8 {
		t.Errorf("only %d functions get objects", signing)
	}
}

// TestSyncMayDoWhatItsPartsMay: it stands for four routes, and needs no more but
// the doorbell.
func TestSyncMayDoWhatItsPartsMay(t *testing.T) {
	actions := func(names ...string) map[Resource][]string {
		of := map[Resource][]string{}
		for _, name := range names {
			for _, g := range WithoutDoorbell()[name] {
				of[g.Resource] = append(of[g.Resource], g.Actions...)
			}
		}
		for resource := range of {
			slices.Sort(of[resource])
			of[resource] = slices.Compact(of[resource])
		}
		return of
	}
	if diff := cmp.Diff(actions("list-jobs", "claim-job", "heartbeat", "complete-job"), actions("sync")); diff != "" {
		t.Errorf("grants (-parts +sync):\n%s", diff)
	}
}
