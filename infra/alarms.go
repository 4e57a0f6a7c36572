package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/api"
	"runlease/shared/deployment"
)

// newAlarms makes the alarms. Each says in its description what to do; an
// alarm that calls for no action does not belong here.
func newAlarms(parent constructs.Construct, s settings, r resources, functions map[string]awslambda.Function, front gateway) {
	scope := constructs.NewConstruct(parent, jsii.String("Alarms"))
	var action awscloudwatch.IAlarmAction
	if s.alarmEmail != "" {
		action = awscloudwatchactions.NewSnsAction(newAlarmTopic(scope, s.alarmEmail))
	}
	alarm := func(name, todo string, metric awscloudwatch.IMetric, props awscloudwatch.AlarmProps) {
		if _, math := metric.(awscloudwatch.MathExpression); math && !s.metricMath {
			return
		}
		props.Metric = metric
		props.AlarmDescription = jsii.String(s.label() + ": " + todo)
		if props.EvaluationPeriods == nil {
			props.EvaluationPeriods = jsii.Number(1)
		}
		if props.TreatMissingData == "" {
			props.TreatMissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
		}
		made := awscloudwatch.NewAlarm(scope, jsii.String(name), &props)
		if action != nil {
			made.AddAlarmAction(action)
			made.AddOkAction(action)
		}
	}

	alarm("OldestOpenJob", fmt.Sprintf("A job has been open for more than %.0f minutes. Are runners connected (requests of sync and list-jobs on the dashboard)? "+
		"If they are, they are too few or reject this job: `go run ./infra/ctl jobs` lists the oldest with their holders, GET /jobs/{id} says how their attempts ended; start more runners, or POST /jobs/{id}/cancel.", s.stage.oldestOpenJob/60),
		own(s, deployment.OldestOpenJob, "Maximum", ""), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(s.stage.oldestOpenJob),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(2), // a lone slow job is often over by the next look
			// No value means that the sweep did not run; that has its own alarm.
		})

	alarm("DeadLetters", "A message that could not be parsed is in the dead-letter queue. Something other than runlease writes to its queue, or an old version does: "+
		"read it with `go run ./infra/ctl dead-letter list`, find its writer, then send it back (send-back) or delete it in the SQS console (output DeadLetterQueueUrl). No job is lost: the sweep rings for it again.",
		r.queues.deadLetter.MetricApproximateNumberOfMessagesVisible(maximum("")), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(0),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("DeadAnnouncements", "A webhook did not take announcements of final jobs for three days, or answered 410: `go run ./infra/ctl webhook dead` lists them with the reason. "+
		"Mend the receiver, try it with `webhook test`, then send them back (`webhook send-back`), or `webhook remove` it. Verdicts are not lost: GET /verdicts lists the jobs.",
		r.queues.deadAnnounced.MetricApproximateNumberOfMessagesVisible(maximum("")), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(0),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("LateAnnouncements", "Final jobs are announced more than a quarter of an hour late. The log of the function announce says why it fails (level ERROR); if it began with a deployment, deploy the version before. "+
		"What waits is sent afterwards, but the stream keeps it for 24 hours only: what is older is in GET /verdicts alone.",
		functions[grants.Announce].Metric(jsii.String("IteratorAge"), maximum("")), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(15 * 60 * 1000),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("JudgedJE", "Jobs could not be judged, and it is not their fault. Search the functions' logs for `job judged JE`: it names a problem whose checker fails or does not compile, or whose "+
		"test data are missing or damaged. Correct the problem, publish it, and POST /jobs/{id}/rejudge. Without such a line their attempts were used up: GET /jobs/{id}/timeline says how each ended.",
		own(s, deployment.JudgedJE, "Sum", ""), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(0),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("ServerErrors", "The API answers 5xx. Search the functions' logs for level ERROR (each has a request id and the cause); if it began with a deployment, "+
		"deploy the version before. Runners and producers repeat such requests, so nothing is lost while it lasts.",
		front.serverErrors, awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(5),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		})

	alarm("QueueWait", fmt.Sprintf("One job in a hundred has waited for its claim longer than %.0f seconds, for a quarter of an hour. If all runners are busy, start more, or raise the fleet's largest size; "+
		"if they are not, GET /jobs/{id}/explain says why a job waits. A rejudge of many may wait: no runner is missing then.", s.stage.queueWait),
		own(s, deployment.QueueWait, "p99", ""), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(s.stage.queueWait),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(3),
		})

	alarm("LostLeases", "Runners take jobs and fall silent: ten attempts in five minutes have ended without a word. `go run ./infra/ctl runners` shows who was not heard of late. Are machines terminated before they have drained "+
		"(infra/runner/FLEET.md), out of memory, or cut off from the API? Each job is given out again, and ends as JE after three such attempts.",
		own(s, deployment.LostLeases, "Sum", ""), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(10),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		})

	alarm("Quarantines", "A runner gets no jobs any more, because its attempts ended badly while others finished the same jobs. `go run ./infra/ctl runners` names it with its last ends. "+
		"Look at its machine and its log; then let it back (`ctl runner NAME release`) or retire it.",
		own(s, deployment.Quarantines, "Sum", ""), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(0),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("InFlight", "More than 100,000 messages are hidden: listed, or of jobs that are being judged. Beyond 120,000 SQS gives out no more, and no runner gets a job. "+
		"A runner that lists and never claims hides ten every few seconds: `go run ./infra/ctl runners`, and pause it. If that many jobs really run at once, deploy a second stage and split the producers.",
		r.queues.jobs.MetricApproximateNumberOfMessagesNotVisible(maximum("")), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(100_000),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		})

	// What one pool of several may hide from the alarms on all.
	for _, p := range r.queues.pools {
		alarm("QueueWait-"+p.pool, fmt.Sprintf("One job in a hundred of the pool %s has waited for its claim longer than %.0f seconds, for a quarter of an hour. `go run ./infra/ctl pools` shows which runners serve the pool: "+
			"start more, or give others a token with -pools %[1]s,default. GET /jobs/{id}/explain says why a job waits.", p.pool, s.stage.queueWait),
			ownOf(s, deployment.QueueWait, p.pool, "p99", ""), awscloudwatch.AlarmProps{
				Threshold:          jsii.Number(s.stage.queueWait),
				ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
				EvaluationPeriods:  jsii.Number(3),
			})
		alarm("InFlight-"+p.pool, fmt.Sprintf("More than 100,000 messages of the pool %s are hidden, and beyond 120,000 SQS gives out no more of them. "+
			"Its runners hold or list that many: `go run ./infra/ctl runners`, and pause a runner that lists and never claims. If that many jobs really run at once, make a second pool of it.", p.pool),
			p.queue.MetricApproximateNumberOfMessagesNotVisible(maximum("")), awscloudwatch.AlarmProps{
				Threshold:          jsii.Number(100_000),
				ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
			})
	}

	tables := map[string]awscloudwatch.IMetric{}
	for i, m := range r.tables.throttled() {
		tables[fmt.Sprintf("m%d", i)] = m
	}
	alarm("TablesThrottled", "DynamoDB refuses reads or writes; they are repeated, and requests become slow or end with 5xx. A new table serves 4,000 writes a second: deploy with -c warmWrites and -c warmReads before a contest. "+
		"Is it one hot key (CloudWatch, Contributor Insights for DynamoDB)? Or is the account's limit reached (Service Quotas, DynamoDB, table-level throughput)?",
		awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression:   jsii.String("SUM(METRICS())"),
			UsingMetrics: &tables,
			Label:        jsii.String("throttled"),
			Period:       fiveMinutes(),
		}), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(100), // a partition that splits refuses some
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		})

	alarm("ClientErrors", "Requests are refused in such numbers that they cost about a dollar an hour and more. The functions' logs name the route, the code and the runner or producer (filter on status >= 400): "+
		"pause that runner, or revoke the credential (`go run ./infra/ctl token revoke`). If they come without a credential, -c api=rest takes a web ACL with a rate rule (infra/README.md, what requests cost that are refused).",
		front.clientErrors, awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(refusedPerDollarHour / 12),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
			EvaluationPeriods:  jsii.Number(3),
		})

	if r.bell != nil {
		alarm("DoorbellErrors", "The functions of the doorbell fail, so runners cannot connect and poll instead, and a job may wait a minute. The logs of doorbell-connect and doorbell-disconnect say why (level ERROR); "+
			"if it began with a deployment, deploy the version before. If it lasts, -c doorbell=false takes the doorbell away.",
			r.bell.metric("ExecutionError", ""), awscloudwatch.AlarmProps{
				Threshold:          jsii.Number(5),
				ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
			})
	}

	for _, group := range functionGroups(slices.Sorted(maps.Keys(functions))) {
		metrics := map[string]awscloudwatch.IMetric{}
		for i, name := range group.functions {
			metrics[fmt.Sprintf("m%d", i)] = functions[name].MetricThrottles(sum(name))
		}
		alarm("Throttles"+group.name, "Lambda refuses to start functions ("+group.name+"): the account's limit of concurrent executions is reached. "+
			"Ask for a higher one (Service Quotas, Lambda, Concurrent executions), or find what else in this account and region uses it up.",
			awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression:   jsii.String("SUM(METRICS())"),
				UsingMetrics: &metrics,
				Label:        jsii.String("throttles"),
				Period:       fiveMinutes(),
			}), awscloudwatch.AlarmProps{
				Threshold:          jsii.Number(0),
				ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			})
	}

	sweep := functions[grants.Sweep]
	alarm("SweepNotRunning", "The sweep has not ended well for 10 minutes. Is the rule that starts it enabled (EventBridge, rules)? If it is, the sweep's log says why it fails. "+
		"Until it runs, lost messages are not rung again and jobs whose budgets are used up stay open; everything else goes on.",
		awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("started - failed"),
			UsingMetrics: &map[string]awscloudwatch.IMetric{
				"started": sweep.MetricInvocations(sum("started")),
				"failed":  sweep.MetricErrors(sum("failed")),
			},
			Label:  jsii.String("sweeps that ended well"),
			Period: fiveMinutes(),
		}), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(1),
			ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(2),
			TreatMissingData:   awscloudwatch.TreatMissingData_BREACHING,
		})
}

// refusedPerDollarHour is how many refused requests of an HTTP API cost a dollar: one
// for API Gateway, and 0.60 for Lambda and the log. In an hour that is 174 a second.
const refusedPerDollarHour = 625_000

type functionGroup struct {
	name      string
	functions []string
}

// metricsPerAlarm is how many metrics CloudWatch lets one alarm add up.
const metricsPerAlarm = 10

// functionGroups splits all functions into groups that one alarm can add up.
func functionGroups(others []string) []functionGroup {
	var runner, producer []string
	for _, r := range api.Routes() {
		if r.Function != r.Name {
			continue // of several routes
		}
		if r.Caller == api.Runner {
			runner = append(runner, r.Name)
		} else {
			producer = append(producer, r.Name)
		}
		others = slices.DeleteFunc(others, func(name string) bool { return name == r.Name })
	}
	return slices.Concat(cut("Runner", runner), cut("Producer", producer), cut("Other", others))
}

// cut splits a group that is too large for an alarm. The first part keeps the
// name, so that an alarm stays the same when a function is added.
func cut(name string, functions []string) []functionGroup {
	var parts []functionGroup
	for part := range slices.Chunk(functions, metricsPerAlarm) {
		number := ""
		if len(parts) > 0 {
			number = strconv.Itoa(len(parts) + 1)
		}
		parts = append(parts, functionGroup{name + number, part})
	}
	return parts
}

func newAlarmTopic(scope constructs.Construct, email string) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String("Topic"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true)})
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(email), nil))
	// A topic with its own policy (TLS only) has lost the default one, which let
	// the account's alarms publish.
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
		},
	}))
	return topic
}
