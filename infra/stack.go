package main

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/version"
)

// newStack wires the constructs of one stage. It fails when a function's
// binary is missing.
func newStack(app constructs.Construct, s settings) (awscdk.Stack, error) {
	if err := checkBinaries(s); err != nil {
		return nil, err
	}
	name := s.stackName()
	stack := awscdk.NewStack(app, jsii.String(name), &awscdk.StackProps{
		StackName:             jsii.String(name),
		Description:           jsii.String("runlease, a control plane for pull-based runners (" + s.metricStage() + ")"),
		TerminationProtection: jsii.Bool(s.stage.keep),
		// Of the stack: CloudFormation passes them on to every resource.
		Tags: &map[string]*string{"project": jsii.String("runlease"), "stage": jsii.String(s.stage.name)},
	})

	data := resources{
		tables: newTables(stack, s),
		queues: newQueues(stack, s),
		bucket: newBucket(stack, s),
	}
	if s.doorbell {
		data.bell = newDoorbell(stack, s)
	}
	functions := newFunctions(stack, s, data)
	if s.doorbell {
		data.bell.route(s, functions)
	}
	newSchedule(stack, functions)
	newAnnouncements(stack, data, functions[grants.Announce])
	var front gateway
	switch s.api {
	case restAPI:
		front = newRESTAPI(stack, s, functions)
	default:
		front = newHTTPAPI(stack, s, functions)
	}
	if s.budget > 0 {
		newBudget(stack, s)
	}
	if s.watch {
		newAlarms(stack, s, data, functions, front)
		newDashboard(stack, s, data, functions, front)
	}

	// The commands that follow a deployment read these: infra/ctl, the local
	// deployment, the smoke test of the README.
	outputs := []output{
		{"Version", version.Version, "Version of runlease that was deployed"},
		{"ApiUrl", front.url, "Base URL of the API, without a slash at the end"},
		{"ApiId", front.id, "Id of the API, for its metrics and for emulators"},
		{"StageArn", front.arn, "ARN of the API's stage; of a REST API, a web ACL can be associated with it"},
		{"JobsTable", *data.tables.jobs.TableName(), "Table of the jobs"},
		{"ProblemsTable", *data.tables.problems.TableName(), "Table of the problems and their versions"},
		{"CredentialsTable", *data.tables.credentials.TableName(), "Table of the hashed tokens; the first is issued with: go run ./infra/ctl token issue"},
		{"QueueUrl", *data.queues.jobs.QueueUrl(), "Queue of the bells"},
		{"DeadLetterQueueUrl", *data.queues.deadLetter.QueueUrl(), "Queue of the messages that could not be parsed"},
		{"WebhooksTable", *data.tables.webhooks.TableName(), "Table of the webhooks; the first is added with: go run ./infra/ctl webhook add"},
		{"FleetTable", *data.tables.fleet.TableName(), "Table of the records of runners"},
		{"AnnouncementQueueUrl", *data.queues.announcements.QueueUrl(), "Queue of the announcements that could not be delivered yet"},
		{"DeadAnnouncementQueueUrl", *data.queues.deadAnnounced.QueueUrl(), "Queue of the announcements that were given up"},
		{"WebhookHosts", cmp.Or(s.webhookHosts, "-"), "Hosts that webhooks may be sent to although they have private addresses or plain http"},
		{"Bucket", *data.bucket.BucketName(), "Bucket of code, test data and results"},
	}
	if len(s.pools) > 0 {
		outputs = append(outputs, output{"PoolQueueUrls", data.queues.ofPools(), "Queues of the bells of the other pools"})
	}
	if s.domain != "" {
		domain := newDomain(stack, s, front)
		outputs = append(outputs,
			output{"DomainTarget", domain.target, "Where " + s.domain + " must point in DNS: a CNAME, or in Route 53 an alias"},
			output{"DomainZoneId", domain.zoneID, "Hosted zone of DomainTarget, for an alias in Route 53"})
		outputs[1].value = domain.url
	}
	if s.doorbell {
		outputs = append(outputs,
			output{"DoorbellUrl", data.bell.url, "Where runners listen for rings; sync tells them"},
			output{"DoorbellPosts", data.bell.posts, "Where functions post to the connections of runners"},
			output{"DoorbellTable", *data.tables.doorbell.TableName(), "Table of waiting runners"})
	}
	for _, o := range outputs {
		awscdk.NewCfnOutput(stack, jsii.String(o.name), &awscdk.CfnOutputProps{
			Value:       jsii.String(o.value),
			Description: jsii.String(o.description),
		})
	}
	return stack, nil
}

type output struct{ name, value, description string }

// label names the deployment in descriptions.
func (s settings) label() string { return "runlease " + s.metricStage() }

// removal is what becomes of stored data when the stack is destroyed. What is
// kept is still deleted by the rollback of the deployment that made it: empty
// resources of a failed first deployment would be in the way of the next one.
func (s stage) removal() awscdk.RemovalPolicy {
	if s.keep {
		return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	return awscdk.RemovalPolicy_DESTROY
}
