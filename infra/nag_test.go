package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"runlease/infra/grants"
	"runlease/shared/dispatch"
)

// suppression is a rule of cdk-nag that does not fit, with the construct that
// it does not fit and why. They are here and not in the app: the template that
// is deployed needs none of this.
type suppression struct {
	under  string // path below the stack; what is not there in a variant is passed over
	rule   string
	reason string
	// only these findings of the rule, as cdk-nag names them; nil: all of them.
	only []string
}

func suppressions(stack string) []suppression {
	const (
		redrive    = "No redrive by count: every list is a receive, so a job that merely waits would be moved away. Poison is ended by the job's failures; what cannot be parsed is sent to the dead-letter queue by its receiver."
		authorizer = "Callers are authenticated in the handler: the wire contract wants its envelope and its order of checks on a 403, which no authorizer can give."
		accessLog  = "A function's own line has what the access log has; who wants both says -c accessLog=true, and for a REST API gives the account the role that it takes."
		cleaner    = "The CDK's own function, only in stages that are destroyed with their objects."
	)
	all := []suppression{
		{under: "Queues/Jobs", rule: "AwsSolutions-SQS3", reason: redrive},
		{under: "Queues/DeadLetter", rule: "AwsSolutions-SQS3", reason: "It is the dead-letter queue; no redrive policy points at it, because messages are sent there by their receiver."},
		{under: "Queues/Announcements", rule: "AwsSolutions-SQS3", reason: "Its receiver sends what it gives up to a dead-letter queue, with the reason; a receive is not always a try."},
		{under: "Queues/DeadAnnouncements", rule: "AwsSolutions-SQS3", reason: "It is the dead-letter queue of announcements; their receiver sends them there."},
		{under: "Objects/Bucket", rule: "AwsSolutions-S1", reason: "Every access goes through a presigned URL of a function that logs whom it signed for, or through a function itself; a log bucket would outlive a stage that must leave nothing."},
		{under: "Custom::S3AutoDeleteObjectsCustomResourceProvider", rule: "AwsSolutions-IAM4", reason: cleaner},
		{under: "Custom::S3AutoDeleteObjectsCustomResourceProvider", rule: "AwsSolutions-L1", reason: cleaner},
		{under: "HttpApi", rule: "AwsSolutions-APIG4", reason: authorizer},
		{under: "RestApi", rule: "AwsSolutions-APIG4", reason: authorizer},
		{under: "Doorbell", rule: "AwsSolutions-APIG4", reason: authorizer},
		{under: "Doorbell", rule: "AwsSolutions-APIG1", reason: "Functions log each connection and its end; what a runner says meanwhile, one word in eight minutes, and the rings to it are no requests of the API."},
		{under: "RestApi", rule: "AwsSolutions-COG4", reason: authorizer},
		{under: "RestApi", rule: "AwsSolutions-APIG2", reason: "Requests are validated in the handler, which names the JSON path of the first fault in the envelope; API Gateway's validator answers in its own form."},
		{under: "RestApi", rule: "AwsSolutions-APIG3", reason: "A web application firewall has a monthly price and its own rules: an operator who wants one associates it with the stage, whose ARN is an output."},
		{under: "RestApi", rule: "AwsSolutions-APIG6", reason: "Execution logs hold headers, so tokens. The access log has a line for each request, and the functions log their own."},
		{under: "RestApi", rule: "AwsSolutions-APIG1", reason: accessLog},
		{under: "HttpApi", rule: "AwsSolutions-APIG1", reason: accessLog},
	}
	for _, pool := range []string{"exam", "lab"} {
		all = append(all, suppression{under: "Queues/Jobs-" + pool, rule: "AwsSolutions-SQS3", reason: redrive})
	}
	all = append(all, suppression{
		under: "Hold/hold-pools/Role", rule: "AwsSolutions-IAM5",
		reason: "It counts the messages of queues that the template does not have any more, and nothing else.",
		only:   []string{"Resource::arn:<AWS::Partition>:sqs:<AWS::Region>:<AWS::AccountId>:" + stack + "-QueuesJobs*"},
	})
	prefixes := map[grants.Resource]string{grants.Code: dispatch.CodePrefix, grants.Testdata: dispatch.TestdataPrefix, grants.Results: dispatch.ResultsPrefix}
	for name, granted := range grants.All() {
		for _, g := range granted {
			if g.Resource == grants.Rings || g.Resource == grants.Lines {
				all = append(all, suppression{
					under: "Functions/" + name + "/Role", rule: "AwsSolutions-IAM5",
					reason: "API Gateway names connections when they are made; it is one method on the connections of one stage of one API.",
				})
			}
			if g.Resource == grants.Metrics {
				all = append(all, suppression{
					under: "Functions/" + name + "/Role", rule: "AwsSolutions-IAM5",
					reason: "IAM knows no resources of cloudwatch:GetMetricData. It reads numbers, and only the operator's routes have it.",
					only:   []string{"Resource::*"},
				})
			}
			if prefix, found := prefixes[g.Resource]; found {
				all = append(all, suppression{
					under: "Functions/" + name + "/Role", rule: "AwsSolutions-IAM5",
					reason: "Keys are built from job and problem ids; the prefix is the narrowest resource that can be named in advance.",
					only:   []string{"Resource::<ObjectsBucket5A707942.Arn>/" + prefix + "*"},
				})
			}
		}
	}
	return all
}

func suppress(stack awscdk.Stack) {
	for _, s := range suppressions(*stack.StackName()) {
		var under constructs.IConstruct = stack
		for _, id := range strings.Split(s.under, "/") {
			if under = under.Node().TryFindChild(jsii.String(id)); under == nil {
				break
			}
		}
		if under == nil {
			continue
		}
		nag := &cdknag.NagPackSuppression{Id: jsii.String(s.rule), Reason: jsii.String(s.reason)}
		if s.only != nil {
			var only []interface{}
			for _, finding := range s.only {
				only = append(only, finding)
			}
			nag.AppliesTo = &only
		}
		cdknag.NagSuppressions_AddResourceSuppressions(under, &[]*cdknag.NagPackSuppression{nag}, jsii.Bool(true))
	}
}

func TestNoFindingOfNagIsOpen(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		for _, finding := range made.findings {
			t.Error(finding)
		}
	})
}
