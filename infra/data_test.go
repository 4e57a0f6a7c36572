package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/deployment"
	"runlease/shared/job"
)

// kept is the removal of what outlives its stack, but not the rollback of the
// deployment that made it.
const kept = "RetainExceptOnCreate Retain"

func (r resource) removal() string { return r.DeletionPolicy + " " + r.UpdateReplacePolicy }

func TestTables(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		found := made.ofType(t, "AWS::DynamoDB::Table")
		if len(found) != 6 {
			t.Errorf("%d tables, want 6", len(found))
		}
		for id, r := range found {
			p := r.Properties
			want := map[string]string{"billing": "PAY_PER_REQUEST", "recovery": "true", "protected": "false", "removal": "Delete Delete", "name": "<nil>"}
			if made.prod() {
				want["protected"], want["removal"] = "true", kept
			}
			got := map[string]string{
				"billing":   text(p["BillingMode"]),
				"recovery":  text(at(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")),
				"protected": text(p["DeletionProtectionEnabled"]),
				"removal":   r.removal(),
				"name":      text(p["TableName"]),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
		}
		for _, tc := range []struct{ output, keys, types, ttl, index string }{
			{"JobsTable", "id HASH", "fh S, fr S, id S, oq S, os S", "ttl true", "open: os HASH, oq RANGE, KEYS_ONLY; final: fh HASH, fr RANGE, KEYS_ONLY"},
			{"ProblemsTable", "id HASH, v RANGE", "id N, v N", "<nil> <nil>", "now: v HASH, id RANGE, INCLUDE"},
			{"DoorbellTable", "k HASH", "k S", "ttl true", ""},
			{"FleetTable", "id HASH, n RANGE", "id S, n S", "ttl true", ""},
			{"WebhooksTable", "all HASH, id RANGE", "all S, id S", "<nil> <nil>", ""},
			{"CredentialsTable", "hash HASH", "hash S, id S, li S", "ttl true", "list: li HASH, id RANGE, ALL"},
		} {
			p := found[strings.Trim(made.output(t, tc.output), "${}")].Properties
			if stream := text(at(p, "StreamSpecification", "StreamViewType")); (stream == "NEW_AND_OLD_IMAGES") != (tc.output == "JobsTable") {
				t.Errorf("%s has a stream of %s", tc.output, stream)
			}
			var indexes []string
			list, _ := p["GlobalSecondaryIndexes"].([]any)
			for _, i := range list {
				indexes = append(indexes, fmt.Sprintf("%v: %s, %v", at(i, "IndexName"), keySchema(at(i, "KeySchema")), at(i, "Projection", "ProjectionType")))
			}
			var types []string
			attributes, _ := p["AttributeDefinitions"].([]any)
			for _, a := range attributes {
				types = append(types, fmt.Sprint(at(a, "AttributeName"), " ", at(a, "AttributeType")))
			}
			slices.Sort(types)
			got := []string{
				keySchema(p["KeySchema"]), strings.Join(types, ", "),
				fmt.Sprint(at(p, "TimeToLiveSpecification", "AttributeName"), " ", at(p, "TimeToLiveSpecification", "Enabled")), strings.Join(indexes, "; "),
			}
			if diff := cmp.Diff([]string{tc.keys, tc.types, tc.ttl, tc.index}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.output, diff)
			}
		}
	})
}

func keySchema(v any) string {
	var keys []string
	list, _ := v.([]any)
	for _, k := range list {
		keys = append(keys, fmt.Sprint(at(k, "AttributeName"), " ", at(k, "KeyType")))
	}
	return strings.Join(keys, ", ")
}

func TestQueues(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		found := made.ofType(t, "AWS::SQS::Queue")
		if len(found) != 4 {
			t.Errorf("%d queues, want the bells', the announcements' and a dead-letter queue of each", len(found))
		}
		guarded := tlsOnly(t, made, "AWS::SQS::QueuePolicy", "sqs:*")
		for id, r := range found {
			want := map[string]any{
				"MessageRetentionPeriod": 14 * 24 * 60 * 60.0,
				"VisibilityTimeout":      30.0,
				"SqsManagedSseEnabled":   true,
			}
			// Exactly these: no redrive policy, not FIFO, no delay, no name.
			if diff := cmp.Diff(want, r.Properties); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
			if !guarded["${"+id+".Arn}"] {
				t.Errorf("%s may be called without TLS", id)
			}
		}
	})
}

// tlsOnly returns the resources for which a policy of this kind denies
// everything that comes without TLS.
func tlsOnly(t *testing.T, made template, kind, action string) map[string]bool {
	t.Helper()
	guarded := map[string]bool{}
	for _, r := range made.ofType(t, kind) {
		statements, _ := at(r.Properties, "PolicyDocument", "Statement").([]any)
		for _, s := range statements {
			if text(at(s, "Effect")) == "Deny" && text(at(s, "Action")) == action && text(at(s, "Principal", "AWS")) == "*" &&
				text(at(s, "Condition", "Bool", "aws:SecureTransport")) == "false" {
				for _, resource := range texts(at(s, "Resource")) {
					guarded[resource] = true
				}
			}
		}
	}
	return guarded
}

// onlyNew reports whether a bucket policy refuses every put to a resource that
// could overwrite.
func onlyNew(t *testing.T, made template, resource string) bool {
	t.Helper()
	for _, r := range made.ofType(t, "AWS::S3::BucketPolicy") {
		statements, _ := at(r.Properties, "PolicyDocument", "Statement").([]any)
		for _, s := range statements {
			condition, _ := at(s, "Condition").(map[string]any)
			if text(at(s, "Effect")) == "Deny" && text(at(s, "Action")) == "s3:PutObject" && text(at(s, "Principal", "AWS")) == "*" &&
				text(at(s, "Resource")) == resource && len(condition) == 1 && text(at(condition, "Null", "s3:if-none-match")) == "true" {
				return true
			}
		}
	}
	return false
}

// TestANewTableIsWarmedOnRequest: a table that is new serves 4,000 writes a second.
func TestANewTableIsWarmedOnRequest(t *testing.T) {
	made := synthesise(t, map[string]string{"api": "http", "warmWrites": "9000", "warmReads": "9000"})
	want := map[string]any{"ReadUnitsPerSecond": 9000.0, "WriteUnitsPerSecond": 9000.0}
	for id, r := range made.ofType(t, "AWS::DynamoDB::Table") {
		if jobs := strings.Trim(made.output(t, "JobsTable"), "${}") == id; !jobs {
			if r.Properties["WarmThroughput"] != nil {
				t.Errorf("%s is warmed too", id)
			}
			continue
		}
		for what, got := range map[string]any{"table": r.Properties["WarmThroughput"], "open": at(r.Properties, "GlobalSecondaryIndexes", 0, "WarmThroughput"), "final": at(r.Properties, "GlobalSecondaryIndexes", 1, "WarmThroughput")} {
			if diff := cmp.Diff(any(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
	}
}

func TestBucket(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		found := made.ofType(t, "AWS::S3::Bucket")
		if len(found) != 1 {
			t.Errorf("%d buckets, want 1", len(found))
		}
		guarded := tlsOnly(t, made, "AWS::S3::BucketPolicy", "s3:*")
		for id, r := range found {
			p := r.Properties
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if text(at(p, "PublicAccessBlockConfiguration", block)) != "true" {
					t.Errorf("%s is not set", block)
				}
			}
			want := []string{"AES256", "Enabled", "<nil>", "Delete Delete"}
			if made.prod() {
				want[3] = kept
			}
			got := []string{
				text(at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")),
				text(at(p, "VersioningConfiguration", "Status")), text(p["BucketName"]), r.removal(),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("encryption, versions, name, removal (-want +got):\n%s", diff)
			}
			if !guarded["${"+id+".Arn}"] || !guarded["${"+id+".Arn}/*"] {
				t.Error("the bucket may be called without TLS")
			}
			if !onlyNew(t, made, "${"+id+".Arn}/*") {
				t.Error("an object may be overwritten: no policy asks every PutObject for If-None-Match")
			}

			rules, _ := at(p, "LifecycleConfiguration", "Rules").([]any)
			expiry := map[string]float64{}
			leftovers := false
			for _, rule := range rules {
				if at(rule, "Status") != "Enabled" {
					t.Errorf("rule %v is off", at(rule, "Id"))
				}
				if days, expires := at(rule, "ExpirationInDays").(float64); expires {
					of := text(at(rule, "Prefix"))
					if tags, tagged := at(rule, "TagFilters").([]any); tagged {
						of += fmt.Sprint(" ", tags)
					}
					expiry[of] = days
				}
				if at(rule, "Prefix") == nil && at(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation") == 1.0 &&
					at(rule, "NoncurrentVersionExpiration", "NoncurrentDays") == 30.0 && at(rule, "ExpiredObjectDeleteMarker") == true {
					leftovers = true
				}
			}
			// Of testdata/ drafts alone, and no rule for everything.
			if diff := cmp.Diff(map[string]float64{"code/": 200, "results/": 100, "testdata/ [map[Key:runlease Value:draft]]": 30}, expiry); diff != "" {
				t.Errorf("days until objects expire (-want +got):\n%s", diff)
			}
			if deployment.ResultsKept <= job.KeepFinal || deployment.CodeKept <= 2*job.KeepFinal {
				t.Error("objects expire before their job may")
			}
			if !leftovers {
				t.Error("old versions, delete markers or unfinished uploads stay for ever")
			}
		}
		cleaned := false
		for _, r := range made.Resources {
			cleaned = cleaned || r.Type == "Custom::S3AutoDeleteObjects"
		}
		if cleaned == made.prod() {
			t.Errorf("the bucket is emptied on destroy: %v", cleaned)
		}
	})
}
