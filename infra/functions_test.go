package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
	"runlease/shared/api"
	"runlease/shared/dispatch"
)

func TestFunctionsAreDefinedAlike(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		functions := made.functions(t)
		if diff := cmp.Diff(grants.Functions(), slices.Sorted(maps.Keys(functions))); diff != "" {
			t.Errorf("functions (-grants +template):\n%s", diff)
		}
		if _, found := made.Resources["ClaimJob"]; !found {
			t.Error("claim-job is not ClaimJob in the template")
		}
		owners := map[string]string{}
		for name, f := range functions {
			p := f.Properties
			want := map[string]string{
				"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": "[arm64]",
				"MemorySize": "256", "Timeout": "15", "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO",
			}
			if made.prod() {
				want["ApplicationLogLevel"], want["SystemLogLevel"] = "INFO", "WARN"
			}
			switch name {
			case "complete-job", "create-job", "sync":
				want["MemorySize"] = "512"
			case grants.Sweep, grants.Announce:
				want["Timeout"] = "55"
			}
			got := map[string]string{}
			for key := range want {
				v, found := p[key]
				if !found {
					v = at(p, "LoggingConfig", key)
				}
				got[key] = text(v)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if _, reserved := p["ReservedConcurrentExecutions"]; reserved {
				t.Errorf("%s reserves concurrency", name)
			}
			for kind, own := range map[string]string{"role": text(p["Role"]), "log group": text(at(p, "LoggingConfig", "LogGroup"))} {
				if other, taken := owners[own]; taken || own == "<nil>" {
					t.Errorf("%s shares its %s %s with %s", name, kind, own, other)
				}
				owners[own] = name
			}
		}
	})
}

func TestFunctionsAreToldWhatTheyAreGranted(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		values := map[string]string{
			grants.EnvJobs:            made.output(t, "JobsTable"),
			grants.EnvProblems:        made.output(t, "ProblemsTable"),
			grants.EnvCredentials:     made.output(t, "CredentialsTable"),
			grants.EnvQueue:           made.output(t, "QueueUrl"),
			grants.EnvDeadLetterQueue: made.output(t, "DeadLetterQueueUrl"),
			grants.EnvFleet:           made.output(t, "FleetTable"),
			grants.EnvWebhooks:        made.output(t, "WebhooksTable"),
			grants.EnvAnnouncements:   made.output(t, "AnnouncementQueueUrl"),
			grants.EnvDeadAnnounced:   made.output(t, "DeadAnnouncementQueueUrl"),
			grants.EnvBucket:          made.output(t, "Bucket"),
			grants.EnvDoorbellTable:   made.output(t, "DoorbellTable"),
			grants.EnvDoorbellPosts:   made.output(t, "DoorbellPosts"),
			grants.EnvDoorbellURL:     made.output(t, "DoorbellUrl"),
			grants.EnvBucketHost:      "${" + strings.Trim(made.output(t, "Bucket"), "${}") + ".RegionalDomainName}",
		}
		_, stage, _ := strings.Cut(made.name, "-")
		for name, f := range made.functions(t) {
			want := map[string]string{"RUNLEASE_STAGE": stage, "GOGC": "400", "GOMEMLIMIT": memoryLimit(f)}
			if !made.settings.watch {
				want[grants.EnvNoMetrics] = "true"
			}
			for _, variable := range grants.Env(grants.All()[name]) {
				want[variable] = values[variable]
			}
			if diff := cmp.Diff(want, env(f)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// memoryLimit is three quarters of a function's memory, as Go wants it.
func memoryLimit(f resource) string {
	mb, _ := f.Properties["MemorySize"].(float64)
	return fmt.Sprintf("%.0fMiB", mb*3/4)
}

func TestFunctionsForAnEmulator(t *testing.T) {
	made := synthesise(t, map[string]string{
		"api": "http", "arch": "x86_64", "endpoint": "http://127.0.0.1:4567",
		"autoDeleteObjects": "false", "metricMath": "false", "watch": "true",
	})
	want := map[string]string{
		"GOGC":                "400",
		"AWS_ENDPOINT_URL":    "http://127.0.0.1:4567",
		"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4567",
		"RUNLEASE_STAGE":      "dev",
	}
	for name, f := range made.functions(t) {
		got := env(f)
		want["GOMEMLIMIT"] = memoryLimit(f)
		maps.DeleteFunc(got, func(k, _ string) bool { return slices.Contains(grants.Env(grants.All()[name]), k) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := text(f.Properties["Architectures"]); got != "[x86_64]" {
			t.Errorf("%s runs on %s", name, got)
		}
	}
	for id, r := range made.Resources {
		if isCleaner(id) || r.Type == "Custom::S3AutoDeleteObjects" {
			t.Errorf("%s (%s) is in a template without autoDeleteObjects", id, r.Type)
		}
	}
	for id, r := range made.ofType(t, "AWS::CloudWatch::Alarm") {
		if r.Properties["Metrics"] != nil {
			t.Errorf("%s needs metric math", id)
		}
	}
}

// TestRolesAllowWhatTheTableSays compares every statement of every function's
// role with the grants table; nothing else may be attached to a role.
func TestRolesAllowWhatTheTableSays(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"} {
			for id, r := range made.Resources {
				if r.Type == kind {
					t.Errorf("%s adds to a role beside its inline policy", id)
				}
			}
		}
		arn := func(output, suffix string) string {
			name := strings.Trim(made.output(t, output), "${}")
			return "${" + name + ".Arn}" + suffix
		}
		arns := map[grants.Resource]string{
			grants.Jobs:           arn("JobsTable", ""),
			grants.OpenJobs:       arn("JobsTable", "/index/open"),
			grants.FinalJobs:      arn("JobsTable", "/index/final"),
			grants.Problems:       arn("ProblemsTable", ""),
			grants.ListedProblems: arn("ProblemsTable", "/index/now"),
			grants.Credentials:    arn("CredentialsTable", ""),
			grants.Queue:          arn("QueueUrl", ""), grants.DeadLetterQueue: arn("DeadLetterQueueUrl", ""),
			grants.Code:     arn("Bucket", "/code/*"),
			grants.Testdata: arn("Bucket", "/testdata/*"),
			grants.Results:  arn("Bucket", "/results/*"),
			grants.Bucket:   arn("Bucket", ""),
			grants.Doorbell: arn("DoorbellTable", ""), grants.Rings: made.connections(t, "POST"), grants.Lines: made.connections(t, "DELETE"),
			grants.Metrics:  "*",
			grants.Fleet:    arn("FleetTable", ""),
			grants.Webhooks: arn("WebhooksTable", ""), grants.Announcements: arn("AnnouncementQueueUrl", ""), grants.DeadAnnounced: arn("DeadAnnouncementQueueUrl", ""),
			grants.PoolQueues: "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:" + made.stackName() + "-QueuesJobs*",
			grants.JobsStream: strings.Replace(arn("JobsTable", ""), ".Arn}", ".StreamArn}", 1),
		}
		roles := made.ofType(t, "AWS::IAM::Role")
		for name, f := range made.functions(t) {
			id := strings.TrimSuffix(strings.TrimPrefix(text(f.Properties["Role"]), "${"), ".Arn}")
			role, found := roles[id]
			if !found {
				t.Fatalf("%s: no role %s", name, id)
			}
			delete(roles, id)
			if role.Properties["ManagedPolicyArns"] != nil {
				t.Errorf("%s has managed policies", name)
			}
			if got := text(at(role.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")); got != "lambda.amazonaws.com" {
				t.Errorf("%s is assumed by %s", name, got)
			}
			group := strings.Trim(text(at(f.Properties, "LoggingConfig", "LogGroup")), "${}")
			want := map[string][]string{"${" + group + ".Arn}": {"logs:CreateLogStream", "logs:PutLogEvents"}}
			for _, g := range made.settings.granted()[name] {
				want[arns[g.Resource]] = slices.Sorted(slices.Values(g.Actions))
			}
			got := map[string][]string{}
			policies, _ := role.Properties["Policies"].([]any)
			for _, policy := range policies {
				statements, _ := at(policy, "PolicyDocument", "Statement").([]any)
				for _, statement := range statements {
					if text(at(statement, "Effect")) != "Allow" {
						t.Errorf("%s: %v", name, statement)
					}
					for _, resource := range texts(at(statement, "Resource")) {
						got[resource] = append(got[resource], texts(at(statement, "Action"))...)
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-grants +policy):\n%s", name, diff)
			}
			checkWildcards(t, name, got)
		}
		for id := range roles {
			if !isCleaner(id) {
				t.Errorf("role %s belongs to no function", id)
			}
		}
	})
}

func checkWildcards(t *testing.T, function string, allowed map[string][]string) {
	t.Helper()
	for resource, actions := range allowed {
		prefix := false
		for _, p := range []string{dispatch.CodePrefix, dispatch.TestdataPrefix, dispatch.ResultsPrefix} {
			prefix = prefix || strings.HasSuffix(resource, ".Arn}/"+p+"*")
		}
		prefix = prefix || strings.HasSuffix(resource, "-QueuesJobs*") && slices.Equal(actions, []string{grants.GetQueueAttributes}) // of queues that the template has no longer
		prefix = prefix || strings.HasSuffix(resource, "/"+doorbellStage+"/POST/@connections/*") || strings.HasSuffix(resource, "/"+doorbellStage+"/DELETE/@connections/*")
		if resource == "*" && slices.Equal(actions, []string{grants.GetMetricData}) {
			continue // the one action of which IAM knows no resources
		}
		if strings.ContainsAny(resource, "*?") && (!prefix || strings.Count(resource, "*") != 1) {
			t.Errorf("%s: wildcard resource %s", function, resource)
		}
		for _, action := range actions {
			if strings.ContainsAny(action, "*?") {
				t.Errorf("%s: wildcard action %s", function, action)
			}
		}
	}
}

func TestEveryFunctionIsCalledByOneThing(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		callers := map[string][]string{}
		for id, r := range made.ofType(t, "AWS::Lambda::Permission") {
			if text(r.Properties["Action"]) != "lambda:InvokeFunction" || r.Properties["SourceArn"] == nil {
				t.Errorf("%s: anybody's API may call: %v", id, r.Properties)
			}
			f := strings.TrimSuffix(strings.TrimPrefix(text(r.Properties["FunctionName"]), "${"), ".Arn}")
			name := strings.TrimPrefix(text(made.Resources[f].Properties["FunctionName"]), made.stackName()+"-")
			callers[name] = append(callers[name], text(r.Properties["Principal"]))
		}
		want := map[string][]string{}
		var shared []string // functions of routes that came before
		for _, name := range grants.Functions() {
			want[name] = []string{"apigateway.amazonaws.com"}
		}
		for _, r := range api.Routes() {
			if r.Function != r.Name && slices.Contains(shared, r.Function) { // once for each of its routes
				want[r.Function] = append(want[r.Function], want[r.Function][0])
			}
			shared = append(shared, r.Function)
		}
		want[grants.Console] = append(want[grants.Console], want[grants.Console]...) // the page, and its files
		want[grants.Sweep] = []string{"events.amazonaws.com"}
		want[grants.Announce] = []string{"events.amazonaws.com"} // the stream is read by its role
		delete(want, grants.HoldPools)                           // by CloudFormation, with the rights of who deploys
		if strings.HasPrefix(made.name, "rest") {                // by the path of their route, and by that of the id query
			for _, name := range []string{"get-job", "delete-job"} {
				want[name] = append(want[name], want[name]...)
			}
		}
		if diff := cmp.Diff(want, callers); diff != "" {
			t.Errorf("callers (-want +got):\n%s", diff)
		}
	})
}

func env(f resource) map[string]string {
	out := map[string]string{}
	variables, _ := at(f.Properties, "Environment", "Variables").(map[string]any)
	for k, v := range variables {
		out[k] = text(v)
	}
	return out
}

func TestLogsExpire(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		want := "7 Delete Delete"
		if made.prod() {
			want = "90 " + kept
		}
		for id, r := range made.ofType(t, "AWS::Logs::LogGroup") {
			if got := fmt.Sprint(r.Properties["RetentionInDays"], " ", r.removal()); got != want {
				t.Errorf("%s: retention and removal %q, want %q", id, got, want)
			}
		}
		for id, r := range made.ofType(t, "AWS::Lambda::Function") {
			if !strings.HasPrefix(text(at(r.Properties, "LoggingConfig", "LogGroup")), "${") {
				t.Errorf("%s writes to a log group that the stack does not own", id)
			}
		}
	})
}
