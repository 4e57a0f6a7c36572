package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/deployment"
)

// newDashboard answers, from top to bottom, the questions of a person on call: do jobs
// wait, do callers get answers, which function is the trouble.
func newDashboard(parent constructs.Construct, s settings, r resources, functions map[string]awslambda.Function, front gateway) {
	graph := func(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: jsii.String(title), Width: jsii.Number(8), Height: jsii.Number(6), Left: &metrics,
		})
	}
	var invocations, failures, durations []awscloudwatch.IMetric
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		invocations = append(invocations, functions[name].MetricInvocations(sum(name)))
		failures = append(failures, functions[name].MetricErrors(sum(name)))
		durations = append(durations, functions[name].MetricDuration(p99(name)))
	}
	bell := []awscloudwatch.IMetric{}
	if r.bell != nil {
		bell = append(bell, r.bell.metric("ConnectCount", "connected"), r.bell.metric("MessageCount", "messages"),
			r.bell.metric("IntegrationError", "refused"), r.bell.metric("ExecutionError", "failed"))
	}
	queue, dead := r.queues.jobs, r.queues.deadLetter
	messages := []awscloudwatch.IMetric{
		queue.MetricApproximateNumberOfMessagesVisible(maximum("visible: jobs that wait")),
		queue.MetricApproximateNumberOfMessagesNotVisible(maximum("hidden: listed or leased")),
		queue.MetricNumberOfMessagesSent(sum("rung")),
	}
	waits := []awscloudwatch.IMetric{own(s, deployment.QueueWait, "p50", "half"), own(s, deployment.QueueWait, "p99", "p99")}
	wanted := []awscloudwatch.IMetric{own(s, deployment.WantedSlots, "Maximum", "wanted")}
	for _, p := range r.queues.pools {
		messages = append(messages, p.queue.MetricApproximateNumberOfMessagesVisible(maximum(p.pool+": visible")), p.queue.MetricApproximateNumberOfMessagesNotVisible(maximum(p.pool+": hidden")))
		waits = append(waits, ownOf(s, deployment.QueueWait, p.pool, "p99", p.pool+": p99"))
		wanted = append(wanted, ownOf(s, deployment.WantedSlots, p.pool, "Maximum", p.pool))
	}
	awscloudwatch.NewDashboard(parent, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		Widgets: &[]*[]awscloudwatch.IWidget{
			{
				graph("Oldest open job, s", own(s, deployment.OldestOpenJob, "Maximum", "")),
				graph("Messages", messages...),
				graph("Dead letters", dead.MetricApproximateNumberOfMessagesVisible(maximum("dead letters"))),
			},
			{
				graph("Wait for a claim, s", waits...),
				graph("Slots wanted", wanted...),
				graph("Claim to result, s", own(s, deployment.ClaimToResult, "p50", "half"), own(s, deployment.ClaimToResult, "p99", "p99"), own(s, deployment.RunTime, "p99", "run time, p99")),
				graph("Verdicts", verdicts(s)...),
			},
			{
				graph("Runners", own(s, deployment.LostLeases, "Sum", "lost leases"), own(s, deployment.Quarantines, "Sum", "quarantines"), own(s, deployment.RefusedTokens, "Sum", "refused tokens")),
				graph("Doorbell", bell...),
				graph("Throttled requests of tables", r.tables.throttled()...),
			},
			{
				graph("Requests", front.requests),
				graph("Errors", front.clientErrors, front.serverErrors),
				graph("Latency p99, ms", front.latency),
			},
			{
				graph("Invocations", invocations...),
				graph("Failed invocations", failures...),
				graph("Duration p99, ms", durations...),
			},
		},
	})
}

// verdicts are how many there were of each status. AC has no metric: each verdict
// has a time from claim to result, and what is none of the others is AC.
func verdicts(s settings) []awscloudwatch.IMetric {
	others := []awscloudwatch.IMetric{}
	using := map[string]awscloudwatch.IMetric{"all": own(s, deployment.ClaimToResult, "SampleCount", "all")}
	accepted := "FILL(all, 0)"
	for _, m := range deployment.Metrics() {
		status, is := strings.CutPrefix(m.Name(), "JobsJudged")
		if !is {
			continue
		}
		others = append(others, own(s, m, "Sum", status))
		using[strings.ToLower(status)] = own(s, m, "Sum", status)
		accepted += " - FILL(" + strings.ToLower(status) + ", 0)"
	}
	if !s.metricMath {
		return others
	}
	return append([]awscloudwatch.IMetric{awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(accepted), UsingMetrics: &using, Label: jsii.String("AC"), Period: fiveMinutes(),
	})}, others...)
}
