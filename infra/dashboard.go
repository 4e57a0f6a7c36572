package main

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newDashboard shows, from top to bottom, what somebody asks who was called:
// do jobs wait, do callers get answers, which function is the trouble.
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
	queue, dead := r.queues.jobs, r.queues.deadLetter
	awscloudwatch.NewDashboard(parent, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		Widgets: &[]*[]awscloudwatch.IWidget{
			{
				graph("Oldest open job, s", oldestOpenJob(s)),
				graph("Messages",
					queue.MetricApproximateNumberOfMessagesVisible(maximum("visible: jobs that wait")),
					queue.MetricApproximateNumberOfMessagesNotVisible(maximum("hidden: listed or leased")),
					queue.MetricNumberOfMessagesSent(sum("rung"))),
				graph("Dead letters", dead.MetricApproximateNumberOfMessagesVisible(maximum("dead letters"))),
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
