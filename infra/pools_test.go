package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
)

// pooled is variants[1], of three pools.
func pooled(t *testing.T) (plain, made template) {
	t.Helper()
	switches := maps.Clone(variants[1])
	switches["pools"] = "default,exam,lab"
	return synthesise(t, variants[1]), synthesise(t, switches)
}

// TestPoolsAddToADeployment: what a deployment has without them stays where it is and as
// it is; each pool adds its queue, and functions are told and granted exactly the queues.
func TestPoolsAddToADeployment(t *testing.T) {
	plain, made := pooled(t)
	for _, finding := range made.findings {
		t.Error(finding)
	}
	var added []string
	for id, r := range made.Resources {
		was, found := plain.Resources[id]
		switch {
		case !found:
			added = append(added, r.Type)
		case r.Type == "AWS::SQS::Queue" || r.Type == "AWS::DynamoDB::Table" || r.Type == "AWS::S3::Bucket" || r.Type == "AWS::CloudWatch::Alarm":
			if diff := cmp.Diff(was, r); diff != "" {
				t.Errorf("%s has changed:\n%s", id, diff)
			}
		}
	}
	slices.Sort(added)
	want := []string{
		"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Alarm",
		"AWS::SQS::Queue", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::SQS::QueuePolicy",
	}
	if diff := cmp.Diff(want, added); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	for id := range plain.Resources {
		if _, stays := made.Resources[id]; !stays {
			t.Errorf("%s is gone", id)
		}
	}

	urls := made.output(t, "PoolQueueUrls")
	queues := []string{made.output(t, "QueueUrl")}
	guarded := tlsOnly(t, made, "AWS::SQS::QueuePolicy", "sqs:*")
	for i, of := range strings.Split(urls, ",") {
		pool, url, _ := strings.Cut(of, "=")
		queue := made.Resources[strings.Trim(url, "${}")]
		if pool != []string{"exam", "lab"}[i] || !cmp.Equal(queue, plain.Resources[strings.Trim(queues[0], "${}")]) || !guarded[strings.Replace(url, "}", ".Arn}", 1)] {
			t.Errorf("%s has the queue %s, %+v", pool, url, queue)
		}
		queues = append(queues, url)
	}
	for i := range queues {
		queues[i] = strings.Replace(queues[i], "}", ".Arn}", 1)
	}
	slices.Sort(queues)
	roles := made.ofType(t, "AWS::IAM::Role")
	for name, f := range made.functions(t) {
		told := ""
		if grants.KnowsPools(name) {
			told = urls
		}
		if got := env(f)[grants.EnvPoolQueues]; got != told {
			t.Errorf("%s is told %q, want %q", name, got, told)
		}
		statements, _ := at(roles[strings.TrimSuffix(strings.TrimPrefix(text(f.Properties["Role"]), "${"), ".Arn}")].Properties, "Policies", 0, "PolicyDocument", "Statement").([]any)
		for _, g := range grants.All()[name] {
			if g.Resource != grants.Queue {
				continue
			}
			if !slices.ContainsFunc(statements, func(s any) bool {
				return cmp.Equal(texts(at(s, "Resource")), queues) && cmp.Equal(texts(at(s, "Action")), slices.Sorted(slices.Values(g.Actions)))
			}) {
				t.Errorf("%s may not do %v on %v", name, g.Actions, queues)
			}
		}
	}
}

// TestPoolsAreHeldBeforeFunctionsChange: every function and role waits for the resource
// that refuses, also where -c pools is left out, so that all other pools are taken away.
func TestPoolsAreHeldBeforeFunctionsChange(t *testing.T) {
	plain, made := pooled(t)
	for _, m := range []template{made, plain} {
		for id, r := range m.ofType(t, "Custom::Pools") {
			urls := ""
			if o, found := m.Outputs["PoolQueueUrls"]; found {
				urls = text(o.Value)
			}
			if got := text(r.Properties["Queues"]); got != urls {
				t.Errorf("it holds %q, want %q", got, urls)
			}
			for name, f := range m.functions(t) {
				role := m.Resources[strings.TrimSuffix(strings.TrimPrefix(text(f.Properties["Role"]), "${"), ".Arn}")]
				for _, of := range []resource{f, role} {
					if waits := slices.Contains(texts(of.DependsOn), id); waits != (name != grants.HoldPools) {
						t.Errorf("%s waits for it: %v", name, waits)
					}
				}
			}
		}
	}
}
