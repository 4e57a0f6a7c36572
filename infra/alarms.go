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
)

// newAlarms makes the alarms. Each says in its description what to do; one for
// which nobody can do anything does not belong here.
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
		oldestOpenJob(s), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(s.stage.oldestOpenJob),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(2), // a lone slow job is often over by the next look
			// No value means that the sweep did not run; that has its own alarm.
		})

	alarm("DeadLetters", "A message that nobody could parse is in the dead-letter queue. Something other than runlease writes to its queue, or an old version does: "+
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

	alarm("JudgedJE", "Jobs could not be judged, and it is not their fault: a problem's checker fails or does not compile, or its test data are missing or damaged. "+
		"Search the functions' logs for `job judged JE`: it names the problem and the reason. Correct the problem, publish it, and POST /jobs/{id}/rejudge.",
		unjudged(s), awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(0),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		})

	alarm("ServerErrors", "The API answers 5xx. Search the functions' logs for level ERROR (each has a request id and the cause); if it began with a deployment, "+
		"deploy the version before. Runners and producers repeat such requests, so nothing is lost while it lasts.",
		front.serverErrors, awscloudwatch.AlarmProps{
			Threshold:          jsii.Number(5),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		})

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
